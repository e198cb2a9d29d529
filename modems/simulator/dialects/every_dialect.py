"""The models a rack file can name."""

from collections.abc import Mapping

from pulsarack.modems.simulator.dialect import Dialect
from pulsarack.modems.simulator.dialects.huawei import E173, E1550
from pulsarack.modems.simulator.dialects.quectel import EC25, M35
from pulsarack.modems.simulator.dialects.simcom import SIM800, SIM7600
from pulsarack.modems.simulator.dialects.telit import HE910
from pulsarack.modems.simulator.dialects.wavecom import WAVECOM
from pulsarack.modems.simulator.dialects.zte import MF190

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (WAVECOM, E1550, E173, M35, SIM800, MF190, EC25, SIM7600, HE910)
}
