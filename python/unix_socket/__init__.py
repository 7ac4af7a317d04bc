# SPDX-License-Identifier: Apache-2.0
"""A server for lines of text on a Unix socket: `from unix_socket.unix_socket import UnixSocket`."""
