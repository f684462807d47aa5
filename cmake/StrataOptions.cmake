# Build-wide settings: language level, warnings, sanitizers, output folders, compiler cache.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

option(STRATA_BUILD_TESTS "Build the tests" ON)
option(STRATA_BUILD_FUZZERS "Build the libFuzzer targets (clang only)" OFF)
set(STRATA_SANITIZER "" CACHE STRING "One of: address, thread, undefined; empty for none")
set_property(CACHE STRATA_SANITIZER PROPERTY STRINGS "" address thread undefined)
set(STRATA_MEMORY_CHECKS none CACHE STRING "What the allocator of the engine checks: none, hardened, checked")
set_property(CACHE STRATA_MEMORY_CHECKS PROPERTY STRINGS none hardened checked)

find_program(STRATA_CCACHE ccache)
if(STRATA_CCACHE)
  # Precompiled headers need these two, or ccache refuses to cache anything that uses one.
  set(STRATA_CCACHE_COMMAND ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${STRATA_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${STRATA_CCACHE_COMMAND})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${STRATA_CCACHE_COMMAND})
endif()

# Every target of ours links this one: warnings are errors in our code, and only there.
add_library(strata_build_flags INTERFACE)
target_include_directories(strata_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(strata_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wimplicit-fallthrough -Werror -fno-omit-frame-pointer -fpch-preprocess)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(strata_build_flags INTERFACE -Wthread-safety -Wno-unknown-warning-option)
endif()

option(STRATA_LTO "Link-time optimisation of the request path" OFF)

if(STRATA_LTO)
  # Or the linker's plugin would take the compiler's form out of the objects described below for any program.
  add_link_options($<$<NOT:$<BOOL:$<TARGET_PROPERTY:INTERPROCEDURAL_OPTIMIZATION>>>:-fno-lto>)
endif()

# Marks libraries that requests pass through, and programs that serve them. Their objects hold machine code beside the
# compiler's own form: a test links the code as it is in a second, a program optimises across all of them. What is not
# on that path (admin, start, configuration) would take most of the time of such a link and gain nothing.
function(strata_optimise_across_files)
  if(NOT STRATA_LTO)
    return()
  endif()
  foreach(target IN LISTS ARGN)
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION ON)
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-ffat-lto-objects>)
  endforeach()
endfunction()

if(STRATA_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(STRATA_SANITIZER)
  add_compile_options(-fsanitize=${STRATA_SANITIZER})
  add_link_options(-fsanitize=${STRATA_SANITIZER})
  if(STRATA_SANITIZER MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=all)
    # With its checks in between the compiler no longer sees that the C++ library's threads are initialised, and says so.
    add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  endif()
endif()
