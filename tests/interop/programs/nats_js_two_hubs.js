// nats.js on the Unix sockets of several hubs at once: MODULE SOCKET... It prints what each client
// heard on one subject, on which every client publishes to its own hub.
"use strict";

const { connect } = require(process.argv[2]);

async function main() {
  const clients = await Promise.all(process.argv.slice(3).map((path) => connect(path)));
  const heard = clients.map(() => []);
  clients.forEach((client, at) => {
    client.subscribe("a", { callback: (_error, message) => heard[at].push(message.string()) });
  });
  for (const client of clients) await client.flush();
  clients.forEach((client, at) => client.publish("a", `of ${at}`));
  for (const client of clients) await client.flush();
  console.log(JSON.stringify(heard));
  for (const client of clients) await client.close();
}

main();
