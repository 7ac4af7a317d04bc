# How our own targets are compiled. Everything is PRIVATE to them: a consumer inherits C++23, the
# include directory and threads, and no opinion of ours about warnings.

find_package(Threads REQUIRED)

# Position independent executables: CMake only passes -pie once it has checked that it can.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# GCC 12 sees overlapping copies in `"literal" + std::string` once it inlines at -O3 (GCC bug 105651).
add_library(hallway_warnings INTERFACE)
target_compile_options(hallway_warnings INTERFACE
  -Wall
  -Wextra
  -Wpedantic
  -Wconversion
  -Wsign-conversion
  -Wshadow
  -Wnon-virtual-dtor
  -Wold-style-cast
  -Woverloaded-virtual
  $<$<CXX_COMPILER_ID:Clang>:-Wreserved-identifier>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${HALLWAY_WERROR}>:-Werror>)

# _FORTIFY_SOURCE needs optimisation, and some compilers define it already.
add_library(hallway_hardening INTERFACE)
if(HALLWAY_HARDENING)
  target_compile_options(hallway_hardening INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong)
  target_link_options(hallway_hardening INTERFACE LINKER:-z,relro LINKER:-z,now)
endif()

# hallway_own_target(<target>): applies the rules above. BUILD_INTERFACE keeps them out of exports.
function(hallway_own_target target)
  target_compile_features(${target} PRIVATE cxx_std_23)
  set_target_properties(${target} PROPERTIES
    CXX_EXTENSIONS OFF
    CXX_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON)
  target_link_libraries(${target} PRIVATE
    $<BUILD_INTERFACE:hallway_warnings> $<BUILD_INTERFACE:hallway_hardening>)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(folder IN_LIST HALLWAY_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
    # GCC takes a source that another one includes for a header, and GCC 12 reports an overflow in
    # std::string's copying that is none. The everyday build has both warnings.
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage$<SEMICOLON>-Wno-array-bounds>)
  endif()
endfunction()

# hallway_precompile(<target> <headers>...): our sources are short beside what they include. A time
# inside what Clang makes of the headers would keep ccache from knowing it again.
# hallway_precompile(<target> REUSE_FROM <other>): what was made for another target, which is compiled
# alike.
function(hallway_precompile target)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(folder IN_LIST HALLWAY_PRECOMPILE)
    if(ARGV1 STREQUAL "REUSE_FROM")
      target_precompile_headers(${target} ${ARGN})
    else()
      target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
    # What GCC 12 takes for an overflow in its own headers, it no longer knows to be in theirs.
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>
      $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
  endif()
endfunction()

# hallway_program(<target> <name> <folder> <sources>...): an executable on the library.
function(hallway_program target name folder)
  add_executable(${target} ${ARGN})
  hallway_own_target(${target})
  set_target_properties(${target} PROPERTIES
    OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/${folder})
  target_link_libraries(${target} PRIVATE hallway::hallway)
endfunction()
