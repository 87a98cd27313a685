"""What the server that ``cx-widgets`` starts does differently: it sends small messages at once.

An edit is a small message to the kernel and a small one back. Unless told otherwise, the operating system
holds a small message back until the one before is acknowledged (Nagle's algorithm), which costs tens of
milliseconds for each edit. Any Jupyter server can be told the same, in ``jupyter_server_config.py``::

    c.ServerApp.kernel_websocket_connection_class = "cx_widgets._server.PromptConnection"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

if TYPE_CHECKING:
    from asyncio import Future


class PromptConnection(ZMQChannelsWebsocketConnection):
    """The connection of a browser to a kernel, without delay for small messages."""

    def connect(self) -> Future[None] | None:  # type: ignore[override] # as its parent, which declares otherwise
        """Open the channels to the kernel, with the browser's socket told not to wait."""
        self.websocket_handler.set_nodelay(True)
        connected: Future[None] | None = super().connect()
        return connected
