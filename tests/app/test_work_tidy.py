"""The training worker's housekeeping: what is done long ago, and what killed writers left, goes."""

import os
import threading
import time
from pathlib import Path

from tenantry.app.services import open_services, services_of
from tenantry.app.work import KEEP_JOBS_SECONDS, Worker
from tenantry.settings import load_settings
from tenantry.tenancy import tenant_id
from tenantry.testing import HeldClock

ACME = tenant_id("acme")


def test_a_worker_forgets_old_jobs_and_removes_leftovers_of_killed_writers(tmp_path: Path) -> None:
    settings = load_settings({}, overrides={"home": str(tmp_path)})
    with services_of(settings) as services:
        services.directory.create_tenant(ACME)
        job = services.jobs.enqueue(ACME, "train", {})
        services.jobs.cancel(ACME, job.id)
        digest = services.blobs.put(ACME, b"kept")
        leftover = services.blobs.path(ACME, digest).parent / ".part-0123456789abcdef"
        leftover.write_bytes(b"half")
        long_ago = time.time() - KEEP_JOBS_SECONDS
        os.utime(leftover, (long_ago, long_ago))

    later = HeldClock(time.time() + KEEP_JOBS_SECONDS + 60)
    services = open_services(settings, clock=later)
    try:
        worker = Worker(services)
        thread = threading.Thread(target=worker.run)
        thread.start()
        until = time.monotonic() + 20
        while services.jobs.list(ACME) and time.monotonic() < until:
            time.sleep(0.05)
        worker.stop()
        thread.join(20)
        assert services.jobs.list(ACME) == []
        assert not leftover.exists()
        assert services.blobs.get(ACME, digest) == b"kept"
    finally:
        services.close()
