// SPDX-License-Identifier: Apache-2.0
// contrib/nats/js on a hub's Unix socket: run by tests/interop/contrib_nats.py.
//
//     nats_js_client.js MODULE ADDRESS    prints what it heard, and "back" once it has reconnected
"use strict";

const [module_path, address] = process.argv.slice(2);
const { connect } = require(module_path);

async function main() {
  const connection = await connect(address, { reconnectTimeWait: 10, maxReconnectAttempts: -1 });
  const changes = connection.status();
  const heard = connection.subscribe("news.*");
  connection.subscribe("capitals", {
    callback: (error, message) => message.respond(message.string().toUpperCase()),
  });
  connection.publish("news.today", "it rains");
  const answer = await connection.request("capitals", "paris", { timeout: 30_000 });
  console.log(answer.string());
  for await (const message of heard) {
    console.log(`${message.subject} ${message.string()}`);
    break;
  }
  for await (const status of changes) {
    if (status.type === "reconnect") break;
  }
  console.log("back");
  await connection.drain();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
