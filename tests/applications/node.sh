# covers: Node.js (an HTTP server and 50 clients, worker_threads, child_process, fs.watch, timers)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/node
. "$TOP/demos/nodejs/image.sh"
app_image "${image[@]}"

compare "an HTTP server and 50 clients" node - <<'END'
const http = require("http");
const agent = new http.Agent({keepAlive: true, maxSockets: 50});
const server = http.createServer((request, response) => {
	let body = "";
	request.on("data", (data) => { body += data; });
	request.on("end", () => response.end(`${request.method} ${request.url} ${body.length}`));
});
function ask(n) {
	return new Promise((resolve, reject) => {
		const options = {port: server.address().port, host: "127.0.0.1", path: `/${n}`, method: "POST", agent};
		const request = http.request(options, (response) => {
			let text = "";
			response.on("data", (data) => { text += data; });
			response.on("end", () => resolve(text));
		});
		request.on("error", reject);
		request.end("x".repeat(n * 100));
	});
}
server.listen(0, "127.0.0.1", async () => {
	const answers = await Promise.all([...Array(500).keys()].map(ask));
	console.log(answers.every((text, n) => text === `POST /${n} ${n * 100}`), answers[7]);
	agent.destroy();
	server.close(() => console.log("closed"));
});
END

compare "worker_threads that share memory" node - <<'END'
const {Worker} = require("worker_threads");
const counts = new Int32Array(new SharedArrayBuffer(8));
const code = `const {workerData, parentPort} = require("worker_threads");
	for (let i = 0; i < 20000; i++) Atomics.add(workerData, 0, 1);
	Atomics.add(workerData, 1, 1); Atomics.notify(workerData, 1);
	parentPort.postMessage(workerData[1] > 0);`;
let done = 0;
for (let n = 0; n < 4; n++)
	new Worker(code, {eval: true, workerData: counts}).on("message", (m) => { if (m) done++; })
		.on("exit", (status) => { if (status === 0 && done === 4) { done = 0; console.log(counts[0], counts[1]); } });
END

compare "child_process" node - <<'END'
const {spawn, spawnSync, execFileSync, fork} = require("child_process");
const fs = require("fs");
console.log(execFileSync("cat", {input: "through a pipe\n"}).toString().trim());
console.log(spawnSync("sh", ["-c", "echo error >&2; exit 7"]).status, spawnSync("/nothing").error.code);
console.log(spawnSync("sh", ["-c", "kill -TERM $$"]).signal);
fs.writeFileSync("child.js", 'process.on("message", (n) => { process.send(n * 2); process.disconnect(); })');
const child = fork("./child.js");
child.on("message", (n) => console.log("answer", n));
child.on("exit", (status) => {
	console.log("child", status);
	const sort = spawn("sort", ["-n"]);
	let text = "";
	sort.stdout.on("data", (data) => { text += data; });
	sort.on("close", (status) => console.log(status, text.length, text.slice(0, 10).split("\n").join()));
	for (let n = 20000; n; n--) sort.stdin.write(`${n}\n`);
	sort.stdin.end();
});
child.send(21);
END

compare "fs.watch" node - <<'END'
const fs = require("fs");
fs.mkdirSync("watched");
const seen = new Set();
const watcher = fs.watch("watched", (event, name) => {
	seen.add(`${event} ${name}`);
	if (name === "last") { watcher.close(); console.log([...seen].sort().join("\n")); }
});
setTimeout(() => {
	fs.writeFileSync("watched/a", "text");
	fs.renameSync("watched/a", "watched/b");
	fs.unlinkSync("watched/b");
	fs.mkdirSync("watched/last");
}, 50);
END
app_done
