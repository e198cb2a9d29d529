"""The simulated rack as one object: operators, air and modems, made from a rack file and a seed.

The process puts it on ptys and the wall clock; a simulation puts it in memory on a virtual clock.
The same rack and seed make the same world.
"""

from random import Random

from pulsarack.modems.simulator.books import Books
from pulsarack.modems.simulator.dealer import Dealer
from pulsarack.modems.simulator.dialects.every_dialect import DIALECTS
from pulsarack.modems.simulator.modem import Modem
from pulsarack.modems.simulator.network import Network
from pulsarack.modems.simulator.operators.every_operator import OPERATORS
from pulsarack.modems.simulator.operators.mobile_operator import Operator
from pulsarack.modems.simulator.rack import ChipPlan, ModemPlan, Rack
from pulsarack.modems.simulator.scheduler import Scheduler
from pulsarack.modems.simulator.sim_card import SimCard
from pulsarack.modems.simulator.telephones import Telephones


class World:
    """Everything simulated, without any input or output of its own."""

    def __init__(
        self,
        rack: Rack,
        seed: int,
        scheduler: Scheduler,
        books: Books,
        telephone_books: Books | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._books = books
        self._seed = seed
        self.network = Network(scheduler, rack, seed, books)
        self.operators: dict[str, Operator] = {
            name: OPERATORS[name](plan, rack.faults, books, scheduler.now, seed)
            for name, plan in rack.operators.items()
        }
        for plan in rack.modems:
            self._subscribe(plan.chip)
        self.telephones = self.network.telephones = Telephones(
            scheduler.now,
            telephone_books or Books(lambda line: None),
            self.network.send_text,
            {plan.chip.msisdn: plan.chip.iccid for plan in rack.modems},
        )
        self.modems = [self._modem(plan) for plan in rack.modems]
        self._open_books(rack)

    def power_on(self) -> None:
        """Plug all modems in."""
        for modem in self.modems:
            modem.power_on()

    def give_stock(self, iccid: str, amount: int, giver: str) -> None:
        """Let a dealer receive stock (rupiah), with the operator's text about it."""
        dealer = self.network.dealers[iccid]
        report = self.network.operator_of(iccid).give_stock(dealer, amount, giver)
        self.network.send_text(iccid, report.sender, report.text)

    def take_stock(self, iccid: str, amount: int) -> int:
        """Let somebody else sell a dealer's stock (rupiah), with no word about it.

        Returns what was taken: never more than there is.
        """
        dealer = self.network.dealers[iccid]
        taken = self.network.operator_of(iccid).exchange.take_stock(dealer, amount)
        if taken:
            self.network.note("stock_taken", iccid, amount=taken)
        return taken

    def give_back(self, iccid: str, amount: int) -> None:
        """Let a dealer have stock (rupiah) again that a sale had cost, with no word about it."""
        dealer = self.network.dealers[iccid]
        self.network.operator_of(iccid).exchange.give_back(dealer, amount)
        self.network.note("stock_given_back", iccid, amount=amount)

    def change_chip_pin(self, iccid: str, chip_pin: str) -> None:
        """Let somebody else change a dealer's PIN at the operator."""
        self.network.dealers[iccid].change_pin(chip_pin)
        self.network.note("pin_changed", iccid)

    def bar(self, iccid: str) -> None:
        """Let the operator bar a chip."""
        self.network.dealers[iccid].barred = True
        self.network.note("chip_barred", iccid)

    def unbar(self, iccid: str) -> None:
        """Let the operator lift a bar, whatever it came from."""
        self.network.dealers[iccid].unbar()
        self.network.note("chip_unbarred", iccid)

    def swap_cards(self, one: Modem, other: Modem, seconds: float, *, leave_bus: bool) -> None:
        """Exchange the cards of two modems; both boot after so long.

        leave_bus: they are unplugged meanwhile, and not only without power.
        """
        assert one is not other, "a modem cannot change cards with itself"
        fields = {"other": other.iccid, "seconds": round(seconds), "left_bus": leave_bus}
        self.network.note("card_swapped", one.iccid, **fields)
        for modem in (one, other):
            modem.go_away(seconds, leave_bus=leave_bus)
        cards = one.card, other.card
        other.change_card(cards[0])
        one.change_card(cards[1])

    def take_card(self, modem: Modem, seconds: float) -> None:
        """Pull a modem's card while it runs, and put it back after so long."""
        self.network.note("card_taken", modem.iccid, seconds=round(seconds))
        modem.remove_card()
        self._scheduler.call_later(seconds, modem.insert_card)

    def close(self) -> None:
        """Enter the final stock of every chip."""
        for iccid, dealer in self.network.dealers.items():
            fields = {"chip": iccid, "stock": dealer.stock, "final": True}
            self._books.enter("stock", self._scheduler.now(), fields)

    def _subscribe(self, chip: ChipPlan) -> None:
        dealer = Dealer(chip.iccid, chip.msisdn, chip.chip_pin, chip.stock, chip.per_day)
        self.network.subscribe(self.operators[chip.operator], dealer)

    def _modem(self, plan: ModemPlan) -> Modem:
        dialect = DIALECTS[plan.dialect]
        return Modem(
            dialect,
            plan.imei,
            SimCard(plan.chip, plan.quirks.places or dialect.capacity),
            self.network,
            self._scheduler,
            Random(f"{self._seed}/modem/{plan.imei}"),
            plan.quirks,
        )

    def _open_books(self, rack: Rack) -> None:
        chips = [
            {
                "iccid": plan.chip.iccid,
                "operator": plan.chip.operator,
                "msisdn": plan.chip.msisdn,
                "stock": plan.chip.stock,
            }
            for plan in rack.modems
        ]
        fields = {"seed": self._seed, "chips": chips}
        self._books.enter("rack", self._scheduler.now(), fields)
