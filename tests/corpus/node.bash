# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Workers, zlib on the thread pool, a child process.
cat >main.js <<'END'
const { Worker } = require('worker_threads');
const zlib = require('zlib');
const { execSync } = require('child_process');
const work = n => new Promise((resolve, reject) => new Worker(
	`const { parentPort } = require('worker_threads');
	 let a = []; for (let i = 0; i < 20000; i++) a.push({ i });
	 parentPort.postMessage(a.length + ${n});`, { eval: true })
	.on('message', resolve).on('error', reject));
const zip = () => new Promise((resolve, reject) =>
	zlib.gzip(Buffer.alloc(1e6, 'abc'), (e, z) => e ? reject(e) :
		zlib.gunzip(z, (e, b) => e ? reject(e) : resolve(b.length))));
(async () => {
	console.log('workers', await Promise.all([1, 2, 3, 4].map(work)));
	console.log('zlib', await Promise.all([zip(), zip(), zip()]));
	console.log('child', execSync('echo out').toString());
})();
END
node main.js
