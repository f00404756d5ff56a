# Finds the CUDA toolkit and cuDNN as SLUICE_CUDA asks and enables the language. Sets SLUICE_HAVE_CUDA.
set(SLUICE_HAVE_CUDA OFF)

# Ends the search: an error when the user asked for CUDA, one line otherwise.
macro(sluice_no_cuda reason)
  if(SLUICE_CUDA STREQUAL ON)
    message(FATAL_ERROR "SLUICE_CUDA=ON, but ${reason}")
  endif()
  set(SLUICE_CUDA_STATUS "CUDA: not built (${reason}); its module and its tests are skipped"
    CACHE INTERNAL "What ./dev reports")
  message(STATUS "${SLUICE_CUDA_STATUS}")
  return()
endmacro()

if(SLUICE_CUDA STREQUAL OFF)
  sluice_no_cuda("SLUICE_CUDA=OFF")
elseif(SLUICE_CUDA STREQUAL AUTO AND SLUICE_SANITIZE)
  sluice_no_cuda("the host sanitizers and the CUDA driver reserve the same addresses")
endif()

if(NOT CMAKE_CUDA_COMPILER)
  # check_language sees only PATH and CUDACXX; it also tells whether nvcc works with this host compiler.
  find_program(SLUICE_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda /opt/cuda PATH_SUFFIXES bin)
  mark_as_advanced(SLUICE_NVCC)
  if(NOT SLUICE_NVCC AND NOT DEFINED ENV{CUDACXX})
    sluice_no_cuda("no CUDA toolkit was found")
  elseif(NOT DEFINED ENV{CUDACXX})
    set(ENV{CUDACXX} ${SLUICE_NVCC})
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  if(NOT CMAKE_CUDA_COMPILER)
    sluice_no_cuda("$ENV{CUDACXX} does not work with ${CMAKE_CXX_COMPILER}")
  endif()
endif()
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90 CACHE STRING "GPU architectures to build for")
endif()
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)
enable_language(CUDA)

if(CMAKE_VERSION VERSION_LESS 3.26 AND NOT TARGET CUDA::nvToolsExt)
  add_library(CUDA::nvToolsExt INTERFACE IMPORTED)  # CMake asks for it, CUDA 13 no longer has it, and nothing here links it
endif()
find_package(CUDAToolkit QUIET)
if(NOT TARGET CUDA::cudart)
  sluice_no_cuda("the toolkit of ${CMAKE_CUDA_COMPILER} has no libcudart")
endif()
if(NOT TARGET CUDA::cublas)
  sluice_no_cuda("the toolkit of ${CMAKE_CUDA_COMPILER} has no libcublas")
endif()
find_package(CUDNN QUIET)
if(CUDNN_VERSION AND CUDNN_VERSION VERSION_LESS 9)
  sluice_no_cuda("cuDNN ${CUDNN_VERSION} in ${CUDNN_INCLUDE_DIR} is too old, 9 or later is needed")
elseif(NOT CUDNN_FOUND)
  sluice_no_cuda("cuDNN was not found; CUDNN_ROOT may name its folder")
endif()
find_package(nlohmann_json QUIET)  # properties of devices and cached plans are JSON
if(NOT nlohmann_json_FOUND)
  sluice_no_cuda("the headers of nlohmann-json were not found")
endif()

# CMake before 3.25.2 does not know that nvcc speaks C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)

list(JOIN host_warnings , warnings)
target_compile_options(sluice_build INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${warnings}>
  $<$<AND:$<COMPILE_LANGUAGE:CUDA>,$<BOOL:${SLUICE_WERROR}>>:-Werror=all-warnings -Xcompiler=-Werror>)
set(SLUICE_HAVE_CUDA ON)
set(SLUICE_CUDA_STATUS "CUDA: toolkit ${CUDAToolkit_VERSION}, cuDNN ${CUDNN_VERSION}, architectures ${CMAKE_CUDA_ARCHITECTURES}"
  CACHE INTERNAL "What ./dev reports")
message(STATUS "${SLUICE_CUDA_STATUS}")
