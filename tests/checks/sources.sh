# What can be seen in the sources without building them.
. "$TOP/tests/checks/lib.sh"

format()
{
	sources '*.c' '*.h' | xargs -r -P 2 -n 40 clang-format --dry-run -Werror 2>&1 |
		grep 'error:' | cut -d: -f1 | sort -u
	return 0
}

trailing_space()
{
	sources | xargs -r grep -InE '[[:space:]]+$' | head -n 40
}

conflict_markers()
{
	sources | xargs -r grep -InE '^(<<<<<<<|>>>>>>>) ' | head -n 40
}

no_final_newline()
{
	sources | xargs -r grep -Il . | xargs -r -n 100 awk '
		BEGIN { RS = "^$" } !/\n$/ { print FILENAME ": no newline at its end" }'
}

# Paths below these stand on one machine only.
build_machine_paths()
{
	sources | grep -vE '^tests/checks/sources.sh$' |
		xargs -r grep -InE '(^|[^[:alnum:]_/.-])/(work|builds|github|root)/' | head -n 40
}

# What a header defines `static` and nobody uses here is no fault of it: hence the two -Wno.
header_alone()
{
	local header=$1 freestanding=
	case $header in libos/* | platform/platform.h) freestanding=-ffreestanding ;; esac
	gcc -fsyntax-only -x c -std=gnu11 -D_GNU_SOURCE $freestanding -Wall -Wextra -Werror \
		-Wno-unused-function -Wno-unused-variable -I . -include "$header" /dev/null ||
		echo "$header does not stand alone"
}
export -f header_alone

each_header_alone()
{
	sources '*.h' | grep -v '^driver/' | xargs -r -P 2 -I '{}' bash -c 'header_alone {}'
}

# hidden.h is for the command line of the compiler, once, and declares nothing.
header_guards()
{
	local header guard
	for header in $(sources '*.h' | grep -v '^base/hidden.h$'); do
		guard=${header^^}
		guard=${guard//[\/.-]/_}
		grep -q "^#ifndef $guard\$" "$header" || echo "$header: the guard is not $guard"
	done
}

unfinished()
{
	sources '*.c' '*.h' '*.S' '*.sh' '*.py' | grep -v '^tests/checks/' |
		xargs -r grep -nE '\b(TODO|FIXME|XXX)\b'
	return 0
}

shell_scripts()
{
	sources '*.sh' .ci/run | xargs -r shellcheck --severity=warning --shell=bash --exclude=SC1090,SC1091,SC2016
}

manual_pages()
{
	sources 'man/*' | grep -E '\.[1-9]$' | xargs -r mandoc -T lint -W warning
}

# Functions of the public headers of attestation/ without a manual page.
undocumented()
{
	grep -hoE '\battest_[a-z0-9_]+\(' <(grep -A1 -h '^ATTEST_API' attestation/*.h) | tr -d '(' | sort -u |
		grep -vxFf <(sed -n 's/^\.Nm \(attest_[a-z0-9_]*\).*/\1/p' man/*.3)
	return 0
}

silent "clang-format would change nothing" format
silent "includes point down" tools/check-includes.py
silent "no white space at the end of a line" trailing_space
silent "nothing is left of a conflict" conflict_markers
silent "each file ends with a newline" no_final_newline
silent "no path of one machine" build_machine_paths
silent "each header compiles alone" each_header_alone
silent "each header guard is its path" header_guards
silent "nothing marked as unfinished" unfinished
silent "shellcheck finds nothing in the scripts" shell_scripts
silent "mandoc finds nothing in the manual pages" manual_pages
silent "each function of the attestation library has a manual page" undocumented
silent "the hypervisor is no larger than 5,000 lines of code" tools/tcb.py --max 5000
check_done
