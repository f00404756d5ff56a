# The library: one object library a folder, all of them in libsluice.so, one interface target a folder for users.
set(SLUICE_FOLDERS core kernels layers optim data mbp)
set(SLUICE_CUDA_MODULE ${CMAKE_SHARED_MODULE_PREFIX}sluice_cuda${CMAKE_SHARED_MODULE_SUFFIX})

# The target is called libsluice because the command-line tool is called sluice; the files are libsluice.so and sluice.
function(sluice_add_library)
  add_library(libsluice SHARED)
  add_library(sluice::sluice ALIAS libsluice)
  set_target_properties(libsluice PROPERTIES
    OUTPUT_NAME sluice EXPORT_NAME sluice LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    # dlopen looks for the CUDA module where its caller's run path points: beside libsluice.
    BUILD_RPATH $ORIGIN INSTALL_RPATH $ORIGIN)
  target_include_directories(libsluice PUBLIC
    $<BUILD_INTERFACE:${SLUICE_INCLUDE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(libsluice PUBLIC cxx_std_20)
  target_link_libraries(libsluice PRIVATE sluice_build ${CMAKE_DL_LIBS})
  target_link_options(libsluice PRIVATE LINKER:--no-undefined)
endfunction()

# sluice_folder(<folder> SOURCES <file>... [LINK <target>...]): adds the folder's sources to libsluice.
function(sluice_folder folder)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_library(sluice_${folder} INTERFACE)
  add_library(sluice::${folder} ALIAS sluice_${folder})
  set_target_properties(sluice_${folder} PROPERTIES EXPORT_NAME ${folder})
  target_link_libraries(sluice_${folder} INTERFACE libsluice)
  if(NOT arg_SOURCES)
    if(NOT SLUICE_ALLOW_MISSING_OPS)
      message(FATAL_ERROR "${folder}/ has no source files")
    endif()
    message(STATUS "sluice: ${folder}/ has no source files yet, skipped")
    return()
  endif()
  add_library(sluice_${folder}_objects OBJECT ${arg_SOURCES})
  sluice_compile(sluice_${folder}_objects)
  target_link_libraries(sluice_${folder}_objects PRIVATE ${arg_LINK})
  if(folder STREQUAL kernels)
    sluice_precompile(sluice_${folder}_objects library_with_openmp)
  else()
    sluice_precompile(sluice_${folder}_objects library)
  endif()
  sluice_unity(sluice_${folder}_objects)
  target_link_libraries(libsluice PRIVATE sluice_${folder}_objects)
endfunction()

# sluice_unity(<target>): with SLUICE_UNITY its sources are compiled in groups of eight, in less than half the time. So names
# in unnamed namespaces are unique within a folder.
function(sluice_unity target)
  if(SLUICE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# sluice_quick(<target>): compiles code that is not hot with few optimisations, in about two thirds of the time.
function(sluice_quick target)
  if(CMAKE_BUILD_TYPE STREQUAL Release)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-O1>)
  endif()
endfunction()

# sluice_precompile(<target> <kind> [<header>...]): parses the headers that nearly every source includes, and those given, once
# for all targets of a kind. They are compiled with the same flags, and a kind has one list of headers. Of the project's
# headers only those are among them whose change compiles everything anyway. ./dev lint and the release preset do without,
# so that a source that forgets an include is found.
function(sluice_precompile target kind)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)  # for ccache
  endif()
  get_property(first GLOBAL PROPERTY sluice_precompiled_${kind})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <functional> <map> <memory> <optional>
      <set> <span> <string> <utility> <vector> <sluice/core/graph.h> <sluice/core/kernel.h> ${ARGN})
    set_property(GLOBAL PROPERTY sluice_precompiled_${kind} ${target})
  endif()
endfunction()

# Our flags and the project's include directory, for targets that are part of the library and cannot link it.
function(sluice_compile target)
  target_link_libraries(${target} PRIVATE sluice_build)
  target_include_directories(${target} PRIVATE ${SLUICE_INCLUDE_DIR})
endfunction()
