"""Orders over WhatsApp: from the body that Meta delivers to the order, and back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pulsarack.daemon.channels.http.server import HttpServer
from pulsarack.daemon.channels.whatsapp.channel import Keys, WhatsAppChannel
from pulsarack.daemon.config_http import HttpSection
from pulsarack.daemon.config_whatsapp import WhatsAppSection
from pulsarack.daemon.demo.graph_stand_in import (
    APP_SECRET,
    NUMBER_ID,
    TOKEN,
    VERIFY_TOKEN,
    GraphApi,
    value,
)
from pulsarack.daemon.secrets import Secret
from tests.daemon.channels.chat_house import ChatHouse, comes, house
from tests.daemon.channels.desk_world import NUMBER, PIN

KEYS = Keys(Secret(TOKEN), Secret(APP_SECRET), Secret(VERIFY_TOKEN))
BSUID = "ID.1349120865530274"
ORDER = f"S5.081200000012.{PIN}"


@asynccontextmanager
async def scene(place: Path) -> AsyncIterator[tuple[ChatHouse, GraphApi]]:
    async with house(place) as here:
        api = GraphApi(lambda: here.clock.now_ms() / 1000)
        async with api.running() as base_url:
            settings = WhatsAppSection(
                phone_number_id=NUMBER_ID, base_url=base_url, timeout_seconds=600.0
            )
            channel = WhatsAppChannel(
                settings, KEYS, here.clock, here.pressure, here.desk, here.mailroom
            )
            server = HttpServer(here.clock, HttpSection(listen="127.0.0.1:0"), here.pressure)
            server.add(channel.routes())
            await server.start()
            api.webhook = f"http://127.0.0.1:{server.port}{settings.webhook_path}"
            try:
                async with here.carried_by(channel):
                    yield here, api
            finally:
                await server.stop()


async def test_an_order_is_placed_once_and_answered(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, api):
        written = value(messages=[api.message(NUMBER, ORDER)])
        for _ in range(3):
            assert await api.deliver(written) == [200]
        assert here.orders() == [("S5", "6281200000012", 1)]
        await comes(lambda: len(api.delivered) == 1)
        assert api.delivered[0][0] == NUMBER
        await comes(lambda: here.states() == ["SENT"])
        ((provider_id,),) = here.sql("SELECT provider_id FROM outgoing")
        read = {"id": provider_id, "status": "read"}
        assert await api.deliver(value(statuses=[read])) == [200]
        assert here.states() == ["DELIVERED"]
        assert PIN not in here.log.getvalue() + str(here.sql("SELECT text FROM inbound"))


async def test_what_is_no_order_is_answered_for_what_it_is(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, api):
        messages = [
            api.message(NUMBER, "S5.081200000012.9999"),
            api.message(NUMBER, "", type="image", image={"id": "1"}),
            api.message(NUMBER, "x" * 3000),
            api.message("6281200000055", ORDER),
        ]
        for message in messages:
            assert await api.deliver(value(messages=[message])) == [200]
        assert here.outcomes() == ["wrong_pin", "only_text", "too_long", "unknown_sender"]
        assert here.orders() == []
        await comes(lambda: len(api.delivered) == 4)
        assert sum("2.000" in text or "2000" in text for _, text in api.delivered) == 1


async def test_who_hides_his_number_is_known_by_his_id(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, api):
        here.bind("whatsapp", BSUID)
        message = api.message(BSUID, ORDER, from_user_id=BSUID)
        del message["from"]
        assert await api.deliver(value(messages=[message])) == [200]
        assert len(here.orders()) == 1
        await comes(lambda: [address for address, _ in api.delivered] == [BSUID])


async def test_a_report_that_it_did_not_arrive_sends_it_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as (here, api):
        assert await api.deliver(value(messages=[api.message(NUMBER, ORDER)])) == [200]
        await comes(lambda: here.states() == ["SENT"])
        ((provider_id,),) = here.sql("SELECT provider_id FROM outgoing")
        failed = {"id": provider_id, "status": "failed", "errors": [{"code": 131000}]}
        assert await api.deliver(value(statuses=[failed])) == [200]
        await comes(lambda: len(api.delivered) == 2)
