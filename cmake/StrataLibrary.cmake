# libstrata, shared and static: the memory engine for any program, with the C interface engine/api/strata.h. Both give out strata_*
# symbols and no other. Included by engine/CMakeLists.txt, not under the sanitizers, which bring a malloc of their own.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Compiled once for both. The objects hold machine code beside the compiler's own form: the shared library is optimised across
# them, the static one is for any linker.
add_library(strata_library_objects OBJECT ${STRATA_ALLOCATOR_SOURCES} ${STRATA_POOL_SOURCES} ${STRATA_API_SOURCES})
target_link_libraries(strata_library_objects PRIVATE strata_build_flags)
# Of pool.h, which includes <strata/strata.h>.
target_include_directories(strata_library_objects PRIVATE ${PROJECT_BINARY_DIR}/include)
target_compile_options(strata_library_objects PRIVATE
  -fvisibility=hidden -fvisibility-inlines-hidden $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>
  -fno-exceptions -fno-rtti -ftls-model=initial-exec -momit-leaf-frame-pointer)
strata_check_memory(strata_library_objects ${STRATA_MEMORY_CHECKS})
strata_optimise_across_files(strata_library_objects)

# --- shared -----------------------------------------------------------------------------------------------------------------

add_library(strata_shared SHARED $<TARGET_OBJECTS:strata_library_objects>)
# Ended threads and fork call back into it, so it must not be unloaded.
target_link_options(strata_shared PRIVATE -Wl,--no-undefined -Wl,-z,nodelete)
# While the major version is 0 a new minor one may change the interface. Linked as C, so that the C++ library is not asked for.
set_target_properties(strata_shared PROPERTIES
  OUTPUT_NAME strata VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  EXPORT_NAME strata LINKER_LANGUAGE C INTERPROCEDURAL_OPTIMIZATION ${STRATA_LTO})

# --- static -----------------------------------------------------------------------------------------------------------------

# One object, in which hidden symbols are made local: a program that links the archive cannot see or clash with what is inside.
set(strata_static_object ${CMAKE_CURRENT_BINARY_DIR}/strata_static.o)
add_custom_command(OUTPUT ${strata_static_object}
  COMMAND ${CMAKE_CXX_COMPILER} -r -nostdlib -fno-lto -Wl,--force-group-allocation -o ${strata_static_object}.whole
    $<TARGET_OBJECTS:strata_library_objects>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden --remove-section=.gnu.lto_* --remove-section=.gnu.debuglto_*
    ${strata_static_object}.whole ${strata_static_object}
  DEPENDS strata_library_objects $<TARGET_OBJECTS:strata_library_objects>
  COMMAND_EXPAND_LISTS VERBATIM)
add_library(strata_static STATIC ${strata_static_object})
set_source_files_properties(${strata_static_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
set_target_properties(strata_static PROPERTIES OUTPUT_NAME strata LINKER_LANGUAGE C)
target_link_libraries(strata_static INTERFACE Threads::Threads)

# --- the cache --------------------------------------------------------------------------------------------------------------

# libstrata_cache, shared: strata_cache_* and strata_write_behind_* symbols, and no other. What it has of libstrata's own functions stays inside.
add_library(strata_cache_failure OBJECT api/failure.cpp)
target_compile_definitions(strata_cache_failure PRIVATE STRATA_API=)
add_library(strata_cache_shared SHARED ${STRATA_CACHE_SOURCES} ${STRATA_CACHE_FOUNDATIONS} $<TARGET_OBJECTS:strata_cache_failure>)
foreach(target IN ITEMS strata_cache_failure strata_cache_shared)
  target_link_libraries(${target} PRIVATE strata_build_flags)
  target_include_directories(${target} SYSTEM PRIVATE ${XXHASH_INCLUDE_DIR})
  target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/include)
  target_compile_options(${target} PRIVATE -fvisibility=hidden -fvisibility-inlines-hidden $<$<CXX_COMPILER_ID:GNU>:-fno-gnu-unique>)
endforeach()
target_link_libraries(strata_cache_shared PRIVATE Threads::Threads)
# Threads that end call back into it, so it must not be unloaded.
target_link_options(strata_cache_shared PRIVATE -Wl,--no-undefined -Wl,-z,nodelete
  -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/strata_cache.map)
set_target_properties(strata_cache_shared PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/strata_cache.map)
set_target_properties(strata_cache_shared PROPERTIES
  OUTPUT_NAME strata_cache VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  EXPORT_NAME cache INTERPROCEDURAL_OPTIMIZATION ${STRATA_LTO})
# Programs use functions of both.
target_link_libraries(strata_cache_shared INTERFACE strata_shared)

# --- installation -----------------------------------------------------------------------------------------------------------

foreach(library strata_shared strata_static strata_cache_shared)
  target_include_directories(${library} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endforeach()
set_target_properties(strata_malloc PROPERTIES EXPORT_NAME malloc)

set(strata_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Strata)
list(TRANSFORM STRATA_PUBLIC_HEADERS PREPEND api/ OUTPUT_VARIABLE strata_header_files)
install(FILES ${strata_header_files} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/strata COMPONENT memory_library)
install(TARGETS strata_shared strata_static strata_cache_shared strata_malloc EXPORT StrataTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT memory_library
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT memory_library)
install(EXPORT StrataTargets NAMESPACE Strata:: DESTINATION ${strata_package_dir} COMPONENT memory_library)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/StrataConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/StrataConfig.cmake
  INSTALL_DESTINATION ${strata_package_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/StrataConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/StrataConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/StrataConfigVersion.cmake
  DESTINATION ${strata_package_dir} COMPONENT memory_library)

# The prefix is found from where the file lies, so that the tree can be moved.
file(RELATIVE_PATH strata_prefix_from_pc ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" strata_prefix_from_pc ${strata_prefix_from_pc})
configure_file(${CMAKE_CURRENT_LIST_DIR}/strata.pc.in ${CMAKE_CURRENT_BINARY_DIR}/strata.pc @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/strata-cache.pc.in ${CMAKE_CURRENT_BINARY_DIR}/strata-cache.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/strata.pc ${CMAKE_CURRENT_BINARY_DIR}/strata-cache.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT memory_library)
