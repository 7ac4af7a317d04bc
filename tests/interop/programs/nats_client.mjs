// SPDX-License-Identifier: Apache-2.0
// The official JavaScript client of NATS on a hub: run by tests/interop/nats_js.py, with the folder
// that has the client's package.
//
//     nats_client.mjs MODULES suite URL    tries each of the sentences below, prints those that hold
//     nats_client.mjs MODULES return URL   a hub that goes and comes back; prints how far it is
import { createRequire } from "node:module";

const [modules, verb, url] = process.argv.slice(2);
const nats = createRequire(`${modules}/`)("@nats-io/transport-node");

// Far more than anything here takes on a busy machine.
const deadline = 30_000;

const connect = (options = {}) =>
  nats.connect({ servers: url, reconnectTimeWait: 1, maxReconnectAttempts: -1, ...options });

const text = (message) => new TextDecoder().decode(message.data);

function same(got, wanted) {
  const [one, other] = [JSON.stringify(got), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${one} instead of ${other}`);
}

/** So many messages of a subscription, as texts. */
async function next(subscription, count) {
  const texts = [];
  for await (const message of subscription) {
    texts.push(text(message));
    if (texts.length === count) return texts;
  }
  return texts;
}

// Each has a connection of its own, and what it leaves behind ends with that.
const sentences = {
  "a message reaches its subscriber": async (conn) => {
    const subscription = conn.subscribe("news", { max: 3 });
    await conn.flush();
    const other = await connect();
    for (const word of ["one", "", "three"]) other.publish("news", word);
    same(await next(subscription, 3), ["one", "", "three"]);
    await other.close();
  },
  "wildcards stand for one token or for all that are left": async (conn) => {
    const [one, rest] = [conn.subscribe("news.*.today"), conn.subscribe("news.>")];
    conn.publish("news.rain.today", "a");
    conn.publish("news.rain", "b");
    conn.publish("news.rain.today.late", "c");
    conn.publish("news", "d");
    conn.publish("news.end.today", "e");
    same(await next(rest, 4), ["a", "b", "c", "e"]);
    same(await next(one, 2), ["a", "e"]);
  },
  "each message goes to one of a queue group": async (conn) => {
    const count = 200;
    const members = await Promise.all([1, 2, 3].map(() => connect()));
    const got = [];
    let gotAll;
    const all = new Promise((resolve) => { gotAll = resolve; });
    for (const member of members) {
      member.subscribe("jobs", {
        queue: "workers",
        callback: (_, message) => {
          got.push(text(message));
          if (got.length === count) gotAll();
        },
      });
      await member.flush();
    }
    for (let i = 0; i < count; i++) conn.publish("jobs", `${i}`);
    await all;
    await Promise.all(members.map((member) => member.flush()));
    same([got.length, new Set(got).size], [count, count]);
    await Promise.all(members.map((member) => member.close()));
  },
  "a request is answered": async (conn) => {
    const responder = await connect();
    responder.subscribe("capitals", {
      callback: (_, message) => message.respond(text(message).toUpperCase()),
    });
    await responder.flush();
    for (const noMux of [false, true]) { // an inbox for all of them, or one for each
      for (const word of ["one", "two"]) {
        const answer = await conn.request("capitals", word, { timeout: deadline, noMux });
        same(text(answer), word.toUpperCase());
      }
    }
    await responder.close();
  },
  "headers are carried there and back": async (conn) => {
    conn.subscribe("echo", {
      callback: (_, message) => {
        message.headers.append("Seen", "yes");
        message.respond(message.data, { headers: message.headers });
      },
    });
    const headers = nats.headers();
    headers.append("Colour", "red");
    headers.append("Colour", "blue");
    const answer = await conn.request("echo", "hello", { timeout: deadline, headers });
    same([answer.headers.values("Colour"), answer.headers.get("Seen"), text(answer)],
      [["red", "blue"], "yes", "hello"]);
  },
  "a request to which nobody listens fails at once": async (conn) => {
    const request = conn.request("nobody", "", { timeout: deadline });
    const error = await request.then(() => undefined, (error) => error);
    if (!error?.isNoResponders?.() && !(error?.cause instanceof nats.NoRespondersError) &&
        !(error instanceof nats.NoRespondersError)) throw new Error(`it says ${error}`);
  },
  "a subscription ends after as many messages as it was told": async (conn) => {
    const [limited, all] = [conn.subscribe("news", { max: 2 }), conn.subscribe("news")];
    for (const word of ["one", "two", "three"]) conn.publish("news", word);
    same(await next(all, 3), ["one", "two", "three"]);
    same(await next(limited, 3), ["one", "two"]);
  },
  "who wants no echo gets none": async (conn) => {
    const quiet = await connect({ noEcho: true });
    const own = quiet.subscribe("news");
    quiet.publish("news", "mine");
    await quiet.flush();
    conn.publish("news", "yours");
    same(await next(own, 1), ["yours"]);
    await quiet.close();
  },
  "the largest message passes, and a larger one is not sent": async (conn) => {
    const subscription = conn.subscribe("large");
    const largest = new Uint8Array(conn.info.max_payload).fill(120);
    conn.publish("large", largest);
    for await (const message of subscription) {
      same(message.data.length, largest.length);
      break;
    }
    let refused = false;
    try {
      conn.publish("large", new Uint8Array(largest.length + 1));
    } catch {
      refused = true;
    }
    same(refused, true);
  },
  "a drained connection has said and heard all": async (conn) => {
    const count = 1000;
    const heard = conn.subscribe("out");
    await conn.flush();
    const leaving = await connect();
    let got = 0;
    leaving.subscribe("in", {
      callback: () => {
        got++;
        leaving.publish("out", "x");
      },
    });
    await leaving.flush();
    for (let i = 0; i < count; i++) conn.publish("in", "x");
    await conn.flush();
    await leaving.drain();
    same([got, (await next(heard, count)).length], [count, count]);
  },
  "the way there and back can be measured": async (conn) => {
    same(await conn.rtt() >= 0, true);
  },
};

async function suite() {
  for (const [sentence, attempt] of Object.entries(sentences)) {
    const conn = await connect();
    try {
      await attempt(conn);
      console.log(sentence);
    } catch (error) {
      console.log(`not so: ${sentence}: ${error}`);
      process.exitCode = 1;
    }
    await conn.close();
  }
}

async function comeBack() {
  const conn = await connect();
  const subscription = conn.subscribe("news.>");
  conn.publish("news.before", "before");
  const messages = subscription[Symbol.asyncIterator]();
  same(text((await messages.next()).value), "before");
  console.log("connected");
  for await (const status of conn.status()) {
    if (status.type === "ldm") console.log("told that the hub goes");
    if (status.type === "disconnect") console.log("gone");
    if (status.type === "reconnect") {
      conn.publish("news.after", "after");
      same(text((await messages.next()).value), "after");
      console.log("back");
    }
  }
}

await { suite, return: comeBack }[verb]();
