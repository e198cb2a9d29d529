"""What an admin does before the agents of the channels can order, over the control socket.

Products and chips as ever; the tree with its mark-ups; PINs, senders, and an account for each
program. Everything may be said again after a kill.
"""

from collections.abc import Sequence

from pulsarack.daemon.demo import line_http
from pulsarack.daemon.demo.enlist import Trade, adopt
from pulsarack.daemon.demo.link import Link
from pulsarack.daemon.demo.network import MARKUPS, SELLERS, TREE, Member
from pulsarack.daemon.demo.prosody import DOMAIN
from pulsarack.daemon.demo.wishes import HTTP_KINDS

_WHO = "demo"


def jid_of(member: Member) -> str:
    """An agent's address in XMPP."""
    return f"{member.code.lower()}@{DOMAIN}"


async def enlist(link: Link, trade: Trade, receiver: str, chips: Sequence[str]) -> None:
    """receiver: the URL that results are reported to; chips: ICCIDs of those that agents write
    to and are answered from."""
    await link.call("product.import", rows=trade.products)
    for member in TREE:
        await link.call(
            "agent.new",
            code=member.code,
            name=member.name,
            upline=member.upline,
            language=member.language,
        )
    for rule in MARKUPS:
        await link.call(
            "markup.set",
            upline=rule.upline,
            amount=rule.amount,
            downline=rule.downline,
            product=rule.product,
        )
    for member in SELLERS:
        await _admit(link, member, receiver)
    await adopt(link, trade)
    for iccid in chips:
        await link.call("chip.channel", iccid=iccid, receives="on", answers="on")


async def _admit(link: Link, member: Member, receiver: str) -> None:
    code = member.code
    await link.call("pin.set", agent=code, pin=member.pin, who=_WHO)
    addresses = {"sms": member.number, "whatsapp": member.number, "xmpp": jid_of(member)}
    for channel, address in addresses.items():
        await link.call("sender.add", agent=code, channel=channel, address=address, who=_WHO)
    for kind in HTTP_KINDS:
        trade = {} if kind == "native" else {"pin": member.pin, "password": line_http.PASSWORD}
        await link.call(
            "account.new",
            member=line_http.member_of(member, kind),
            agent=code,
            kind="native" if kind == "native" else "trade",
            who=_WHO,
            key=member.key,
            report_secret=line_http.REPORT_SECRET,
            networks=[line_http.address_of(member)],
            report_url=f"{receiver}/{kind}/{code}",
            report_dialect=kind,
            **trade,
        )
