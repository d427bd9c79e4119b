# The network, and many busy processes, on a demoted Linux: where there is a network device (boot.py, NIC).
# shellcheck shell=sh
load=/tmp/load
sum_of()
{
	sha256sum | cut -d' ' -f1
}
is_served()
{
	[ "$(sum_of)" = "$(cat /tests/served.sha256)" ]
}
receives()
{
	rm -f $load/got
	tftp -g -b 1428 -r served -l $load/got 10.0.2.2 && is_served <$load/got && return
	ls -l $load/got
	ifconfig eth0
	cat /proc/net/arp
	grep -e CPU -e eth0 -e LOC /proc/interrupts
	dmesg | tail -n 20
	false
}
# Who answers reads so many bytes and says what they are (boot.py).
sends()
{
	nc 10.0.2.100 1234 <$load/got | cut -d' ' -f1 | grep -qxf /tests/served.sha256
}
loops_back()
{
	wget -q -O - http://127.0.0.1/served | is_served
}
# Its result is the same each time.
work()
{
	case $1 in
	sort) seq 50000 | sort -r | sort -n | sum_of ;;
	gzip) gzip -c /bin/busybox | gunzip | sum_of ;;
	memory) dd if=/dev/zero bs=96M count=1 2>/dev/null | head -c 1000000 | sum_of ;; # all of it is touched
	network) wget -q -O - http://127.0.0.1/served | sum_of ;;
	esac
}
works_on()
{
	while [ ! -e $load/stop ]; do
		[ "$(work "$1")" = "$(cat "$load/$1")" ] || echo "$1" >>$load/wrong
		echo "$1" >>$load/done
	done
}
begin_load()
{
	for name in sort gzip memory network; do
		work $name >$load/$name
		works_on $name &
		works_on $name &
	done
}
end_load()
{
	touch $load/stop
	wait
	echo "done: $(sort $load/done | uniq -c | tr -s '\n ' ' ')"
	echo "wrong: $(sort $load/wrong 2>/dev/null | uniq -c | tr -s '\n ' ' ')"
	[ ! -e $load/wrong ] && [ "$(sort -u $load/done | wc -l)" = 4 ]
}

insmod /modules/vmxnet3.ko
if [ -e /sys/class/net/eth0 ]; then
	mkdir -p $load/www
	ifconfig lo up
	ifconfig eth0 10.0.2.15 netmask 255.255.255.0 up
	httpd -p 127.0.0.1:80 -h $load/www
	passes "a file comes over the network without the hypervisor" receives
	cp $load/got $load/www/served
	passes "it is switched on for the network" casemate hypervisor enable
	passes "a file comes over the network to a demoted Linux" receives
	passes "and goes out" sends
	passes "and over TCP from one process to another" loops_back
	begin_load
	begun=$(date +%s)
	sleep 15
	passes "a file comes under load" receives
	passes "and goes out under load" sends
	passes "it is switched off under load" casemate hypervisor disable
	sleep 2
	echo "@@ # under load for $(($(date +%s) - begun)) s"
	passes "under load all that was computed is right" end_load
	passes "a file comes over the network to a Linux that is alone again" receives
	passes "and goes out then" sends
	killall httpd
fi
