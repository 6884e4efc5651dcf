"""A kernel is talked to through files, not through network ports.

Free ports are found by trying, and until the kernel takes them another may have done so: of kernels that start side by
side one in some two hundred dies of it, and a test that was never wrong fails.
"""

import os
import tempfile
from uuid import uuid4

from jupyter_client.connect import ConnectionFileMixin
from traitlets import default


class ThroughFiles(ConnectionFileMixin):
    """For a kernel manager to inherit from first. On Windows it changes nothing."""

    @default("transport")
    def _files_where_there_are_such(self) -> str:
        return "ipc" if os.name == "posix" else "tcp"

    @default("ip")
    def _its_own_files(self) -> str:
        if self.transport == "tcp":
            return super()._ip_default()
        return os.path.join(tempfile.gettempdir(), f"kernel-{uuid4().hex}")  # and -1, -2, …, until it is shut down
