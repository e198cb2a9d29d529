"""The agents of a demonstration of the channels at work, at the pace of the rack."""

from collections.abc import Mapping

from pulsarack.daemon.demo.channel_lines import Lines
from pulsarack.daemon.demo.heard import Heard
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.progress import Progress
from pulsarack.daemon.demo.traders import Traders
from pulsarack.daemon.demo.wishes import Wish
from pulsarack.daemon.demo.workload import Typed


class ChannelTraders(Traders):
    """All of one run: each text goes over the line that was drawn for it."""

    def __init__(
        self,
        link: Link,
        progress: Progress,
        chips: int,
        wishes: Mapping[str, Wish],
        lines: Lines,
        heard: Heard,
    ) -> None:
        super().__init__(link, progress, chips)
        self._wishes = wishes
        self._lines = lines
        self._heard = heard

    async def _type(self, typed: Typed) -> None:
        wish = self._wishes[typed.client_reference]
        answer = await self._lines.of(typed.agent, wish.kind).ask(wish)
        if answer.order is None:
            refusal = answer.refusal or "LOST"
            self.refused[wish.reference] = refusal
            self._progress.refused[refusal] += 1
        else:
            self.answered[wish.reference] = answer.order
            self._progress.acknowledged(answer.order, "QUEUED")
            self._heard.accepted(wish.reference, answer.order)
        self._answered_one()
