// SPDX-License-Identifier: Apache-2.0
//
// What the Node programs share: the same options, sides, checks and line as the C++ ones. Node
// cannot bind itself to a core, so each side is this script again, started by taskset.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { parseArgs } = require('node:util');

const WARM_UP = 2000; // the just-in-time compiler has to see them, too

function options() {
  const { values } = parseArgs({
    options: {
      placement: { type: 'string', default: 'split' },
      size: { type: 'string', default: '64' },
      count: { type: 'string', default: '0' },
      duration: { type: 'string', default: '0.2' },
      side: { type: 'string' },
      path: { type: 'string' },
    },
  });
  const { placement, side, path: socket } = values;
  return {
    placement, side, path: socket,
    size: Number(values.size), count: Number(values.count), duration: Number(values.duration),
  };
}

function fail(why) {
  fs.writeSync(2, `${path.basename(process.argv[1])}: ${why}\n`);
  process.exit(1);
}

/** What one process measures between begin() and end(). */
class Side {
  constructor() {
    process.on('disconnect', () => process.exit()); // who started it is gone, or has all
  }

  ready() {
    process.send('ready');
  }

  begin() {
    this.began = process.hrtime.bigint();
    this.cpu = process.cpuUsage();
  }

  end(messages, latency) {
    const seconds = Number(process.hrtime.bigint() - this.began) / 1e9;
    const { user, system } = process.cpuUsage(this.cpu);
    process.send({ messages, seconds, cpu: (user + system) * 1e3, latency });
    process.disconnect();
  }
}

/** Cuts a stream of len32 frames into messages. */
class Frames {
  constructor(socket, onMessage) {
    this.socket = socket;
    let received = Buffer.alloc(0);
    socket.on('data', (data) => {
      received = received.length > 0 ? Buffer.concat([received, data]) : data;
      while (received.length >= 4) {
        const end = 4 + received.readUInt32LE(0);
        if (received.length < end) return;
        const message = received.subarray(4, end);
        received = received.subarray(end);
        onMessage(this, message);
      }
    });
  }

  send(message) {
    const frame = Buffer.allocUnsafe(4 + message.length);
    frame.writeUInt32LE(message.length, 0);
    message.copy(frame, 4);
    this.socket.write(frame);
  }
}

/** The client's half of pingpong. */
class RoundTrips {
  constructor(side, { size, count, duration }) {
    Object.assign(this, { side, count, duration, next: 0, latencies: [] });
    this.message = Buffer.alloc(size, 'h');
  }

  question() {
    this.message.writeBigUInt64LE(BigInt(this.next), 0);
    this.asked = process.hrtime.bigint();
    return this.message;
  }

  /** Checks an answer and notes how long it took. False when it was the last. */
  answered(answer) {
    const now = process.hrtime.bigint();
    if (!answer.equals(this.message)) fail('this is not the answer to the question');
    if (this.next >= WARM_UP) this.latencies.push(Number(now - this.asked) / 1e3);
    this.next += 1;
    if (this.next === WARM_UP) {
      this.side.begin();
      this.end = process.hrtime.bigint() + BigInt(Math.round(this.duration * 1e9));
    }
    if (this.next <= WARM_UP) return true;
    const done = this.latencies.length;
    if (this.count > 0 ? done < this.count : now < this.end) return true;
    this.side.end(done, this.summarize());
    return false;
  }

  summarize() {
    const sorted = Float64Array.from(this.latencies).sort();
    const at = (share) => sorted[Math.floor(share * (sorted.length - 1))];
    const sum = sorted.reduce((total, time) => total + time, 0);
    return { p50: at(0.5), p99: at(0.99), mean: sum / sorted.length, max: at(1) };
  }
}

/** The server's half: it counts what it sends back, until the client is gone. */
class Echoes {
  constructor(side, { size }) {
    Object.assign(this, { side, size, next: 0 });
  }

  asked(question) {
    if (this.next === WARM_UP) this.side.begin();
    if (question.length !== this.size || Number(question.readBigUInt64LE(0)) !== this.next) {
      fail('lost or out of order');
    }
    this.next += 1;
  }

  end() {
    this.side.end(this.next - WARM_UP);
  }
}

/** Starts one side and resolves with its account; onReady is called when it says ready(). */
function start(name, core, chosen, socket, onReady = () => {}) {
  const again = [...process.argv.slice(1), '--side', name, '--path', socket];
  const cores = chosen.placement === 'unpinned' ? `0-${os.cpus().length - 1}`
    : chosen.placement === 'same' ? '0' : String(core);
  const child = spawn('taskset', ['-c', cores, process.execPath, ...again],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return new Promise((resolve) => {
    let account;
    child.on('message', (message) => {
      if (message === 'ready') onReady();
      else account = message;
    });
    child.on('close', (status) => {
      if (status !== 0 || !account) fail(`the ${name} failed`);
      resolve(account);
    });
  });
}

/** The main function of a pingpong: serve and ask take (side, options). */
async function runRoundTrips(serve, ask) {
  const chosen = options();
  if (chosen.side) {
    (chosen.side === 'server' ? serve : ask)(new Side(), chosen);
    return;
  }
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'hallway-bench-'));
  process.on('exit', () => fs.rmSync(directory, { recursive: true }));
  const socket = path.join(directory, 'socket');
  let client;
  const server = await start('server', 0, chosen, socket, () => {
    client = start('client', 1, chosen, socket);
  });
  const { messages, seconds, cpu, latency } = await client;
  if (messages !== server.messages) fail('the server answered another number of messages');
  console.log(JSON.stringify({
    count: messages, seconds, value: latency.p50, unit: 'us', ...latency,
    cpu_ns: { server: server.cpu / messages, client: cpu / messages }, lost: 0,
  }));
}

module.exports = { Echoes, Frames, RoundTrips, runRoundTrips };
