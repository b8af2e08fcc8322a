"""When a process looks again: at each time it was told, never twice in a moment."""

import asyncio

from onerouter_common.worker.appointments import Appointments


async def test_rings_for_each_time_and_once_for_those_close_together() -> None:
    loop = asyncio.get_running_loop()
    began, rung = loop.time(), list[float]()
    appointments = Appointments(lambda: rung.append(loop.time() - began))
    for in_s in (0.2, 0.05, 0.0501, 0.2001, 0.0502, 3_600.0):
        appointments.add(in_s)
    await asyncio.sleep(0.35)
    assert 2 <= len(rung) <= 4  # each may be cut in two by the grid
    assert rung[0] >= 0.05
    assert rung[-1] >= 0.2
    appointments.add(0.02)
    appointments.cancel()
    await asyncio.sleep(0.06)
    assert len(rung) <= 4
