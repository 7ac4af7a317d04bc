# How our own targets are compiled. Everything is PRIVATE to them: a consumer inherits C++23, the
# include directory and threads, and no opinion of ours about warnings.

find_package(Threads REQUIRED)

# Position independent executables: CMake only passes -pie once it has checked that it can.
include(CheckPIESupported)
check_pie_supported(LANGUAGES CXX)

# GCC 12 sees overlapping copies in `"literal" + std::string` once it inlines at -O3 (GCC bug 105651).
# Where several sources are compiled as one, a local name may be that of a constant in another one.
add_library(hallway_warnings INTERFACE)
target_compile_options(hallway_warnings INTERFACE
  -Wall
  -Wextra
  -Wpedantic
  -Wconversion
  -Wsign-conversion
  $<$<NOT:$<BOOL:$<TARGET_PROPERTY:UNITY_BUILD>>>:-Wshadow>
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
    # GCC takes a source that another one includes for a header, and GCC 12 reports overflows in
    # std::string's copying, and uninitialized variables, that are none. The everyday build has all
    # of these warnings.
    set(misled subobject-linkage array-bounds maybe-uninitialized)
    list(TRANSFORM misled PREPEND -Wno-)
    target_compile_options(${target} PRIVATE "$<$<CXX_COMPILER_ID:GNU>:${misled}>")
  endif()
endfunction()

# hallway_precompile(<target> <headers>...): our sources are short beside what they include. A time
# inside what Clang makes of the headers would keep ccache from knowing it again.
# hallway_precompile(<target> ALIKE <headers>...): the same for targets of one folder that are compiled
# alike, so that the first one's is used by all of them.
function(hallway_precompile target)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  if(folder IN_LIST HALLWAY_PRECOMPILE)
    get_property(first DIRECTORY PROPERTY hallway_precompiled_first)
    if(NOT ARGV1 STREQUAL "ALIKE")
      target_precompile_headers(${target} PRIVATE ${ARGN})
    elseif(first)
      target_precompile_headers(${target} REUSE_FROM ${first})
    else()
      list(REMOVE_ITEM ARGN ALIKE)
      target_precompile_headers(${target} PRIVATE ${ARGN})
      set_property(DIRECTORY PROPERTY hallway_precompiled_first ${target})
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
