"""The models a rack file can name."""

from collections.abc import Mapping

from pulsarack.modems.simulator.dialect import Dialect
from pulsarack.modems.simulator.dialects.huawei import E173, E1550
from pulsarack.modems.simulator.dialects.quectel import M35
from pulsarack.modems.simulator.dialects.simcom import SIM800
from pulsarack.modems.simulator.dialects.wavecom import WAVECOM

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (WAVECOM, E1550, E173, M35, SIM800)
}
