// SPDX-License-Identifier: Apache-2.0
"use strict";

// Makes the official client of NATS for Node.js connect to the Unix socket of a hub. For
// @nats-io/transport-node 3 (tested with 3.4), which exports neither NodeTransport nor a connect()
// that takes another transport: so this loads NodeTransport from a file of the package.

const { connect: connectSocket } = require("node:net");
const { NatsConnectionImpl, setTransportFactory } = require("@nats-io/transport-node");
const { NodeTransport } = require("@nats-io/transport-node/lib/node_transport");

// The client has one transport for the whole process, and tells it which server to dial: each socket
// file stands behind a port number of its own, which is never opened.
const numbers = new Map();
const paths = new Map();

function numberOf(path) {
  if (!numbers.has(path)) {
    const number = 1 + numbers.size;
    numbers.set(path, number);
    paths.set(number, path);
  }
  return numbers.get(path);
}

class UnixTransport extends NodeTransport {
  dial(server) {
    return new Promise((resolve, reject) => {
      const socket = connectSocket(paths.get(Number(server.port)));
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(socket);
      });
    });
  }
}

/// As connect() of @nats-io/transport-node, but to the socket file at `path`. Any number of paths may
/// be in use. Connections that connect() of @nats-io/transport-node made before cannot reconnect, so
/// use one of the two.
function connect(path, options = {}) {
  setTransportFactory({ factory: () => new UnixTransport(), dnsResolveFn: async (host) => [host] });
  return NatsConnectionImpl.connect({ ...options, servers: `nats://127.0.0.1:${numberOf(path)}` });
}

module.exports = { connect };
