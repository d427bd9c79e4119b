# covers: apt and dpkg (a repository, dependencies, maintainer scripts, upgrade, configuration files, removal)
. "$TOP/tests/applications/lib.sh"
need /usr/bin/apt-get /usr/bin/dpkg /usr/bin/dpkg-deb
repository=$app_dir/repository

# package NAME VERSION DEPENDS: one that holds a program, a configuration file, and scripts that say they ran.
package()
{
	local tree=$app_dir/tree
	rm -rf "$tree"
	mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/etc"
	printf '%s\n' "Package: $1" "Version: $2" "Architecture: all" "Maintainer: nobody <nobody@example.org>" \
		${3:+"Depends: $3"} "Description: a package of the test" >"$tree/DEBIAN/control"
	echo "/etc/$1.conf" >"$tree/DEBIAN/conffiles"
	for script in preinst postinst prerm postrm; do
		printf '#!/bin/sh\necho "%s %s: $*"\n' "$1" "$script" >"$tree/DEBIAN/$script"
	done
	printf '#!/bin/sh\necho "this is %s %s"\n' "$1" "$2" >"$tree/usr/bin/$1"
	echo "setting of $2" >"$tree/etc/$1.conf"
	chmod 755 "$tree"/DEBIAN/p* "$tree/usr/bin/$1"
	dpkg-deb --root-owner-group -b "$tree" "$repository/$1_$2_all.deb"
}

# index VERSION: the packages of that version, as apt reads them.
index()
{
	local file
	for file in "$repository"/*_"$1"_all.deb; do
		dpkg-deb -f "$file"
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${file##*/}" "$(stat -c %s "$file")" \
			"$(sha256sum "$file" | cut -d' ' -f1)"
	done >"$repository/Packages.$1"
}

make_repository()
{
	rm -rf "$repository"
	mkdir -p "$repository"
	for version in 1.0 2.0; do
		package base-part $version "" && package top-part $version "base-part (= $version)" && index $version || return
	done
	rm -rf "$app_dir/tree"
}
expect "packages" make_repository

programs=()
for program in apt-get apt-cache apt-mark dpkg dpkg-deb dpkg-query dpkg-split tar sh rm cp cat mkdir ls sed touch find sort diff tail ldconfig start-stop-daemon; do
	programs+=(--copy "$(command -v "$program")")
done
for method in file copy store; do
	programs+=(--copy "/usr/lib/apt/methods/$method")
done
app_image "${programs[@]}" --add /usr/share/dpkg:/usr/share/dpkg --add "$repository:$repository"

compare "install, upgrade, remove, purge" sh -e -u -c '
	root=$PWD/root repository=$1
	mkdir -p root/var/lib/dpkg/updates root/var/lib/dpkg/info root/var/lib/apt/lists/partial root/etc/apt/preferences.d \
		root/etc/apt/apt.conf.d root/etc/apt/trusted.gpg.d root/var/cache/apt/archives/partial root/var/log/apt root/tmp repository
	touch root/var/lib/dpkg/status root/var/lib/dpkg/available
	cp "$repository"/*.deb repository/
	echo "deb [trusted=yes] file:$PWD/repository ./" >root/etc/apt/sources.list
	printf "%s\n" "Dir \"$root\";" "Dir::State::status \"$root/var/lib/dpkg/status\";" "Dir::Bin::dpkg \"/usr/bin/dpkg\";" \
		"Dir::Bin::methods \"/usr/lib/apt/methods\";" "APT::Sandbox::User \"root\";" "APT::Architecture \"amd64\";" \
		"DPkg::Options { \"--root=$root\"; \"--force-script-chrootless\"; \"--force-confold\"; };" \
		"Dpkg::Use-Pty \"0\";" "DPkg::Path \"/usr/sbin:/usr/bin:/sbin:/bin\";" >apt.conf
	export APT_CONFIG=$PWD/apt.conf
	apt() { apt-get -y -q -o Acquire::Languages=none "$@" 2>&1 | sed "s|$PWD|HERE|g; s/^Fetched.*/Fetched/; /^(Reading/d; /^Get:/d; s/[0-9.]* k\?B/N/g"; }
	cp "$repository/Packages.1.0" repository/Packages
	apt update >update.log; tail -n 1 update.log
	apt install top-part
	root/usr/bin/top-part; dpkg-query --root=$root -W
	echo changed >root/etc/top-part.conf
	cp "$repository/Packages.2.0" repository/Packages
	apt update >update.log; apt dist-upgrade
	root/usr/bin/base-part; cat root/etc/*.conf; ls root/etc
	apt remove top-part; dpkg --root=$root -l | sed -n "/-part/p"
	apt autoremove --purge; apt purge top-part; dpkg --root=$root --audit
	find root/usr root/etc/*part* root/var/lib/dpkg/info 2>/dev/null | sort
	apt install no-such-part; echo status $?' sh "$repository"
app_done
