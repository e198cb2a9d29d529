"""The operators a rack file can name."""

from collections.abc import Mapping

from pulsarack.modems.simulator.operators.indosat import Indosat
from pulsarack.modems.simulator.operators.mobile_operator import Operator
from pulsarack.modems.simulator.operators.telkomsel import Telkomsel
from pulsarack.modems.simulator.operators.tri import Tri
from pulsarack.modems.simulator.operators.xl import Xl

OPERATORS: Mapping[str, type[Operator]] = {
    operator.name: operator for operator in (Telkomsel, Indosat, Xl, Tri)
}
