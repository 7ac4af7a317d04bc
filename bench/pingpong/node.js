// SPDX-License-Identifier: Apache-2.0
//
// Node's net module.
'use strict';

const net = require('node:net');
const { Echoes, Frames, RoundTrips, runRoundTrips } = require('../support/peer.js');

function serve(side, options) {
  const echoes = new Echoes(side, options);
  const server = net.createServer((socket) => {
    new Frames(socket, (client, question) => {
      echoes.asked(question);
      client.send(question);
    });
    socket.on('close', () => {
      echoes.end();
      server.close();
    });
  });
  server.listen(options.path, () => side.ready());
}

function ask(side, options) {
  const trips = new RoundTrips(side, options);
  const socket = net.connect(options.path);
  const server = new Frames(socket, (_, answer) => {
    if (trips.answered(answer)) server.send(trips.question());
    else socket.end();
  });
  socket.on('connect', () => server.send(trips.question()));
}

runRoundTrips(serve, ask);
