#!/usr/bin/env bash
# usage: run.sh find_package|find_package_c|pkg_config|add_subdirectory PROGRAM...
# Builds programs as a stranger would, in one of four ways, and runs them: consumer is main.cpp,
# in_c is main.c, and linked is link.cpp, which wants hallway::link. With find_package_c consumer is
# main.c, in a project that knows no C++. With add_subdirectory it compiles the whole library once
# more, as a shared one, which it is nowhere else: several files as one, neither optimised nor with
# debug information, because that takes most of this test's time.
# Environment: BUILD_DIR, SOURCE_DIR, CMAKE, CC, CXX
set -euo pipefail

way=$1
programs=("${@:2}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/moved

# Installed in one place and used from another: nothing in it may remember where it was built.
install_hallway() {
  "$CMAKE" --install "$BUILD_DIR" --prefix "$work/installed" >"$work/log"
  mv "$work/installed" "$prefix"
}

# build_with_cmake FOLDER [CMAKE ARGS]
build_with_cmake() {
  "$CMAKE" -S "$SOURCE_DIR/tests/install/$1" -B "$work/build" -G Ninja \
    -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_BUILD_TYPE=None "${@:2}"
  "$CMAKE" --build "$work/build" --target "${programs[@]}"
}

# build_with_pkg_config PROGRAM MODULE SOURCE COMPILER...
build_with_pkg_config() {
  local flags
  read -ra flags < <(pkg-config --cflags --libs "$2")
  "${@:4}" -o "$work/build/$1" "$SOURCE_DIR/tests/install/$3" "${flags[@]}" \
    "-Wl,-rpath,$(pkg-config --variable=libdir "$2")"
}

case $way in
  find_package | find_package_c)
    install_hallway
    build_with_cmake "$way" -DCMAKE_PREFIX_PATH="$prefix"
    ;;
  pkg_config)
    install_hallway
    pc=$(find "$prefix" -name hallway.pc)
    export PKG_CONFIG_PATH=${pc%/*}
    mkdir "$work/build"
    for program in "${programs[@]}"; do
      case $program in
        consumer) build_with_pkg_config consumer hallway main.cpp "$CXX" -std=c++23 ;;
        in_c) build_with_pkg_config in_c hallway-c main.c "$CC" -std=c99 ;;
        linked) build_with_pkg_config linked hallway-link link.cpp "$CXX" -std=c++23 ;;
      esac
    done
    ;;
  add_subdirectory)
    build_with_cmake add_subdirectory -DBUILD_SHARED_LIBS=ON -DHALLWAY_UNITY=src
    ;;
  *)
    echo "run.sh: unknown way: $way" >&2
    exit 2
    ;;
esac

for program in "${programs[@]}"; do
  "$work/build/$program" "$work/socket"
done
