# Sourced by the other scripts: building in one of the build directories.

# Where a root shell of `su` does not look for the tools of administrators.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# Debian's own Python: scapy and pytest are its packages.
python=/usr/bin/python3

# configure DIR [MESON OPTION ...]: makes the build directory unless it is there.
configure() {
  local dir=$1 log
  shift
  [[ -f $dir/build.ninja ]] && return
  log=$(mktemp)
  if ! meson setup "$dir" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# compile DIR [TARGET ...]: with ninja's one moving line for a person, silently for a log.
compile() {
  local dir=$1 quiet=(--quiet)
  shift
  [[ ! -t 1 ]] || quiet=()
  [[ -t 1 ]] || echo "building in $dir; minutes the first time"
  ninja -C "$dir" "${quiet[@]}" "$@"
}

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

need_root() {
  if [[ $EUID -ne 0 ]] && ! command -v sudo >/dev/null; then
    echo "$1 makes network namespaces and needs root: run it as root, or install sudo." >&2
    exit 1
  fi
}

# configure_clang DIR [MESON OPTION ...]: like configure, for clang++: instrumented code compiles in
# half of the time that g++ takes, and a second compiler looks at all of it.
configure_clang() {
  local compiler
  for compiler in clang++-19 clang++; do command -v $compiler >/dev/null && break; done
  command -v ccache >/dev/null && compiler="ccache $compiler"
  CXX=$compiler configure "$@"
}

# build_sanitized TARGET ...: with AddressSanitizer and UBSan, in build-sanitize.
build_sanitized() {
  # Unoptimized, with lines only: instrumented code takes three times as long to optimize.
  configure_clang build-sanitize -Db_sanitize=address,undefined -Db_lundef=false \
    -Dbuildtype=plain -Doptimization=0 -Dcpp_args=-g1 && compile build-sanitize "$@"
}
