// SPDX-License-Identifier: MIT
//
// node.js ADDRESS PORT - node's own http, for `make bench`.
'use strict';
const http = require('http');

const text = { 'Content-Type': 'text/plain; charset=utf-8' };
const hello = (res) => {
    res.writeHead(200, { ...text, 'Content-Length': 13 });
    res.end('hello, world\n');
};

function handle(req, res) {
    if (req.url === '/sleep') {
        setTimeout(hello, 10, res);
    } else if (req.url === '/spawn') {
        const nothing = async () => { await null; };
        Promise.all([nothing(), nothing(), nothing(), nothing()])
            .then(() => hello(res));
    } else if (req.url === '/echo') {
        const parts = [];
        req.on('data', (part) => parts.push(part));
        req.on('end', () => {
            const body = Buffer.concat(parts);
            res.writeHead(200, {
                'Content-Type': req.headers['content-type'],
                'Content-Length': body.length,
            });
            res.end(body);
        });
    } else {
        hello(res);
    }
}

const server = http.createServer(handle);
server.keepAliveTimeout = 75000;
server.listen(Number(process.argv[3]), process.argv[2], 4096);
