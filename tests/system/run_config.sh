# Nothing of the host enters unless the measured configuration allows it; errors name the field.
. "$TOP/tests/system/lib.sh"
run() { "$CASEMATE" run "$@"; }

echo '{"Entrypoint":["/bin/sh","-c","echo entry \"$@\"","sh"],"Cmd":["cmd"],"AllowPrograms":false,"AllowArgs":false}' >strict.json
shell_image strict.enclave -c strict.json
shell_image open.enclave
echo '{"AllowEnv":["GREETING"],"AllowMounts":[{"Target":"/data","ReadOnly":true},{"Target":"/out","ReadOnly":false}],"Env":["FIXED=1"],"WorkingDir":"/etc","User":"1234:55"}' >some.json
shell_image some.enclave -c some.json
mkdir -p host && echo "of the host" >host/file

sh() { local image=$1; shift; run "${@:2}" "$image" /bin/sh -c "$1"; }

nothing_enters() { is "" "$(SECRET=1 run open.enclave /usr/bin/env | grep SECRET)"; }
no_host_files() { is "absent" "$(run open.enclave /bin/sh -c "[ -e $PWD/host/file ] && echo present || echo absent")"; }
env_enters() { is "hello" "$(sh some.enclave 'echo $GREETING' -e GREETING=hello)"; }
env_from_ours() { is "ours" "$(GREETING=ours sh some.enclave 'echo $GREETING' -e GREETING)"; }
env_fixed() { is "1" "$(sh some.enclave 'echo $FIXED')"; }
mount_reads() { is "of the host" "$(sh some.enclave 'cat /data/file' -v "$PWD/host:/data:ro")"; }
mount_is_read_only() { is "refused" "$(sh some.enclave 'echo x 2>/dev/null >/data/new && echo written || echo refused' -v "$PWD/host:/data:ro")"; }
mount_writes() { chmod a+rwx host; sh some.enclave 'echo inside >/out/new; mkdir /out/dir' -v "$PWD/host:/out" && is inside "$(cat host/new)" && [ -d host/dir ]; }
directory_given() { is "/tmp" "$(sh open.enclave pwd -w /tmp)"; }
user_is_set() { is "1234 55" "$(sh some.enclave 'echo $(id -u) $(id -g)')"; }
writes_do_not_last() { sh open.enclave 'echo x >/tmp/kept'; is "gone" "$(sh open.enclave '[ -e /tmp/kept ] && echo kept || echo gone')"; }

point "Entrypoint and Cmd" is "entry cmd" "$(run strict.enclave)"
point "arguments are refused" exits 125 run strict.enclave other
point "the refusal names AllowArgs or AllowPrograms" says 'Allow(Args|Programs)' run strict.enclave other
point "the host's environment stays outside" nothing_enters
point "the host's files stay outside" no_host_files
point "-e is refused" exits 125 run -e A=1 open.enclave /bin/true
point "the refusal names AllowEnv" says AllowEnv run -e A=1 open.enclave /bin/true
point "-e of an allowed variable" env_enters
point "-e without a value" env_from_ours
point "-e of another variable is refused" exits 125 run -e OTHER=1 some.enclave /bin/true
point "the image's own environment" env_fixed
point "-v is refused" exits 125 run -v "$PWD/host:/data" open.enclave /bin/true
point "the refusal names AllowMounts" says AllowMounts run -v "$PWD/host:/data" open.enclave /bin/true
point "-v of an allowed directory" mount_reads
point "-v says that nothing there is protected" says 'unprotected|not protected' run -v "$PWD/host:/data:ro" some.enclave /bin/true
point "a directory mounted for reading can't be written" mount_is_read_only
point "a directory that must be read-only can't be mounted for writing" exits 125 run -v "$PWD/host:/data" some.enclave /bin/true
point "a directory mounted for writing" mount_writes
point "-v of nothing" exits 125 run -v "$PWD/nosuch:/out" some.enclave /bin/true
point "WorkingDir" is "/etc" "$(sh some.enclave pwd)"
point "-w" directory_given
point "User" user_is_set
point "what a program writes is gone afterwards" writes_do_not_last
system_done
