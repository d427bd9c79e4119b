# covers: programs that use io_uring where there is one (liburing, Node.js's libuv), without it
. "$TOP/tests/applications/lib.sh"
need /usr/bin/node
expect "compile" cc -O1 -o "$app_dir/ring_or_not" "$TOP/tests/applications/sources/ring_or_not.c" -luring
app_image --copy /bin/sh --copy /bin/bash --copy /usr/bin/seq --copy /usr/bin/env --copy "$app_dir/ring_or_not" --copy /usr/bin/node

compare "liburing says that there is none, and the program reads all the same" bash <<END
seq 10 >numbers
"$app_dir/ring_or_not" numbers
END

is_missing()
{
	run_inside bash -c ": >f; $app_dir/ring_or_not f" 2>&1 | grep -q '^io_uring: Function not implemented$'
}
if [ "${CASEMATE_NATIVE:-}" != 1 ]; then
	expect "... which it is told as by a kernel without it" is_missing
fi

compare "libuv asked to use it goes on without" env UV_USE_IO_URING=1 node - <<'END'
const fs = require('fs/promises');
(async () => {
	await fs.mkdir('own');
	process.chdir('own');
	const names = [...Array(20).keys()].map(i => `file${i}`);
	await Promise.all(names.map(name => fs.writeFile(name, name.repeat(1000))));
	const sizes = await Promise.all(names.map(async name => (await fs.stat(name)).size));
	const texts = await Promise.all(names.map(name => fs.readFile(name, 'utf8')));
	await Promise.all(names.map(name => fs.unlink(name)));
	console.log(sizes.join(' '), texts.every((text, i) => text == names[i].repeat(1000)));
	console.log(await fs.readdir('.'));
})();
END
app_done
