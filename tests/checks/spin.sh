# The hypervisor's protocols hold in every order of their steps, and SPIN finds what is wrong with
# each planted mistake.
. "$TOP/tests/checks/lib.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# search MODEL NAME: SPIN's own words on how many errors there are.
search()
{
	(cd "$scratch" && spin -D"$2" -a "$TOP/$1" && gcc -O1 -w -DSAFETY -o pan pan.c &&
		./pan -E -m100000) 2>&1 | grep -E 'errors: |max search depth'
}

holds()
{
	search "$1" NO_MUTANT | grep -q 'errors: 0$' || echo "SPIN finds a fault, or does not end"
}

breaks()
{
	search "$1" "$2" | grep -q 'errors: [1-9]' || echo "SPIN finds no fault with $2"
}

for model in hypervisor/proofs/*.pml; do
	silent "$model holds" holds "$model"
	for mutant in $(grep -oE 'MUTANT_[A-Z_]+[A-Z]' "$model" | sort -u); do
		silent "$model fails with $mutant" breaks "$model" "$mutant"
	done
done
check_done
