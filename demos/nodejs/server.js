// Counts primes below N: /primes/N, in a pool of worker threads, while /alive is answered at once.
"use strict";
const http = require("http");
const {Worker, isMainThread, parentPort} = require("worker_threads");

function primes(below) {
	let count = 0;
	for (let n = 2; n < below; n++) {
		let divisor = 2;
		while (divisor * divisor <= n && n % divisor)
			divisor++;
		if (divisor * divisor > n)
			count++;
	}
	return count;
}

function serve() {
	const workers = [1, 2, 3].map(() => new Worker(__filename));
	const waiting = new Map();
	let asked = 0;

	for (const worker of workers) {
		worker.on("message", ({id, count}) => {
			waiting.get(id).end(`${count}\n`);
			waiting.delete(id);
		});
	}
	const server = http.createServer((request, response) => {
		const below = /^\/primes\/(\d{1,7})/.exec(request.url);
		if (!below)
			return response.end("alive\n");
		waiting.set(asked, response);
		workers[asked % workers.length].postMessage({id: asked, below: Number(below[1])});
		asked++;
	});
	server.listen(8000, "0.0.0.0");
	process.on("SIGTERM", () => process.exit(0));
}

if (isMainThread)
	serve();
else
	parentPort.on("message", ({id, below}) => parentPort.postMessage({id, count: primes(below)}));
