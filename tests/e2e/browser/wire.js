// SPDX-License-Identifier: MIT
//
// wire.js - what stands between browser and server: it keeps the requests'
// heads, cuts connections, and lets answers through no faster than `pace` bytes
// in a second (0: as they come).
'use strict';
const net = require('net');
const { Transform } = require('stream');

const PIECE_MS = 25;

function paced(pace) {
  const most = Math.ceil(pace * PIECE_MS / 1000);
  return new Transform({
    highWaterMark: most,
    transform(data, _, done) {
      const next = (at) => {
        if (at >= data.length)
          return done();
        this.push(data.subarray(at, at + most));
        setTimeout(next, PIECE_MS, at + most);
      };
      next(0);
    },
  });
}

class Wire {
  constructor(site, pace = 0) {
    this.heads = [];
    this.sockets = new Set();
    this.held = false; // no connection gets through
    this.server = net.createServer((near) => {
      if (this.held)
        return near.destroy();
      const far = net.connect(8080, site.host);
      for (const [from, to] of [[near, far], [far, near]]) {
        this.sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => {
          this.sockets.delete(from);
          to.destroy();
        });
      }
      near.pipe(far);
      (pace ? far.pipe(paced(pace)) : far).pipe(near);
      near.on('data', (data) => this.heads.push(data.toString('latin1')));
    });
  }

  async start() {
    await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  cut() {
    for (const s of this.sockets)
      s.destroy();
  }

  stop() {
    this.cut();
    this.server.close();
  }
}

module.exports = { Wire };
