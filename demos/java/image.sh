# What goes into the image, for run.sh and the tests java.sh, java_net.sh and spring.sh in tests/applications.
# shellcheck shell=bash disable=SC2034
jdk=/usr/lib/jvm/java-17-openjdk-amd64
image=(--copy "$jdk/bin/java" --copy "$jdk/bin/javac" --copy /bin/sh --copy /bin/cat --copy /bin/grep --copy /bin/sleep
	--copy /usr/bin/sort --add "$jdk:$jdk" --add /etc/java-17-openjdk:/etc/java-17-openjdk
	--add /usr/lib/locale/C.utf8:/usr/lib/locale/C.utf8)
