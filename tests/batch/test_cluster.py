"""Are workers that could not do their work refused?"""

from __future__ import annotations

import pytest
from distributed import LocalCluster

from autograder import GraderFault
from autograder.batch.cluster import open_client


@pytest.mark.parametrize(("limit", "refused"), [(300 * 2**20, True), (0, False), (2**31, False)])
def test_a_worker_that_dask_would_stop_is_refused(limit: int, refused: bool) -> None:
    with LocalCluster(
        n_workers=1, processes=False, memory_limit=limit, dashboard_address=None, protocol="tcp"
    ) as cluster:
        if not refused:
            with open_client(1, cluster.scheduler_address) as client:
                assert client.nthreads()
            return
        with (
            pytest.raises(GraderFault, match="--memory-limit 0"),
            open_client(1, cluster.scheduler_address),
        ):
            pass
