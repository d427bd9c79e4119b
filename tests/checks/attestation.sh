# The attestation library is one header, and what that declares: no more can be seen of it, and no less.
. "$TOP/tests/checks/lib.sh"

header=attestation/attestation.h
libraries=$BUILD/attestation

# What the header declares.
declared()
{
	grep -v '^ \*\|^#' $header | tr '\n' ' ' | grep -oE 'ATTEST_API [^;]*;' |
		grep -oE '\battest_[a-z0-9_]+\(' | tr -d '(' | sort
}

# seen OPTION KIND: what of both libraries can be seen from outside.
seen()
{
	nm $1 -g --defined-only "$libraries/libcasemate-attestation.$2" \
		"$libraries/libcasemate-attestation-tpm.$2" | awk 'NF == 3 { print $3 }' | sort
}

# same KIND OPTION: says what is in one list only.
same()
{
	diff <(declared) <(seen "$2" "$1") | grep '^[<>]' |
		sed 's/^</declared, and not in the library:/; s/^>/in the library, and not declared:/'
	return 0
}

several_are_declared()
{
	[ "$(declared | wc -l)" -ge 20 ] || echo "the header was not understood"
}

# compiles LANGUAGE COMPILER...: without a word, whatever else is asked for.
compiles()
{
	local language=$1
	shift
	"$@" -x "$language" -Wall -Wextra -Wpedantic -Werror -fsyntax-only -include $header /dev/null
}

# Who verifies needs neither TPM software nor anything of Casemate.
needs_little()
{
	readelf -d "$libraries/libcasemate-attestation.so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
		grep -vE '^lib(crypto|jansson|jq|c)\.so\.'
	return 0
}

# includes_nothing: but what every C compiler has.
includes_nothing()
{
	grep '^#include' $header | grep -vE '<std(bool|def|int)\.h>'
	return 0
}

silent "the header declares functions" several_are_declared
silent "the shared libraries export just what the header declares" same so -D
silent "the static libraries show just what the header declares" same a ""
silent "the header compiles alone, as C11" compiles c gcc -std=c11
silent "the header compiles alone, as C++11" compiles c++ g++ -std=c++11
silent "the header includes nothing of its own" includes_nothing
silent "the library needs libcrypto, jansson and jq alone" needs_little
check_done
