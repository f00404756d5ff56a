# cmake --install: libsluice.so, the CUDA module beside it, the headers, the package for find_package(sluice), the sluice tool,
# the pages of docs/ and the samples' sources. Users need nothing but libsluice.so: no installed header includes a header of
# another library.
include(CMakePackageConfigHelpers)

# Not for users: what is written against another library, the tests' oracle, and what only kernels of one op, of CUDA or
# of the oracle share.
set(SLUICE_PRIVATE_HEADERS at.h beam.h effort.h ejection.h matches.h orders.h problem.h search.h skyline.h trouble.h
  onednn cudnn cublas cuda reference structural *_functors.h *_ops.h *_loops.h *_cuda.h *_cuda_*.h *_reference.h
  accuracy_view.h cross_entropy_view.h)
list(TRANSFORM SLUICE_PRIVATE_HEADERS REPLACE "(.+)" "PATTERN;\\1;EXCLUDE" OUTPUT_VARIABLE without_private)

set(include_dir ${CMAKE_INSTALL_INCLUDEDIR}/sluice)
foreach(folder IN LISTS SLUICE_FOLDERS)
  list(APPEND targets sluice_${folder})
  set(without ${without_private})
  if(folder STREQUAL core)
    set(without "")  # all of it is public, open_cuda.h too
  endif()
  install(DIRECTORY ${folder}/ DESTINATION ${include_dir}/${folder}
    FILES_MATCHING PATTERN "*.h" PATTERN sluice.h EXCLUDE ${without})
endforeach()
install(FILES mbp/sluice.h DESTINATION ${include_dir})
install(TARGETS libsluice ${targets} EXPORT sluice-targets)
if(SLUICE_HAVE_CUDA)
  install(TARGETS sluice_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(DIRECTORY gpus DESTINATION ${CMAKE_INSTALL_DATADIR}/sluice)

# The tool finds libsluice beside itself, wherever the tree is put.
if(TARGET sluice)
  file(RELATIVE_PATH to_library ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
  set_target_properties(sluice PROPERTIES INSTALL_RPATH $ORIGIN/${to_library})
  install(TARGETS sluice RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# Pages lie to each other as in the tree, so that their links lead somewhere.
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs samples DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN Doxyfile EXCLUDE)
install(FILES bench/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/bench)
install(FILES gpus/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/gpus)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION ${package_dir})
list(JOIN SLUICE_FOLDERS ", " SLUICE_COMPONENTS)
configure_package_config_file(cmake/sluice-config.cmake.in sluice-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
configure_file(cmake/sluice-config-version.cmake.in sluice-config-version.cmake @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sluice-config.cmake ${PROJECT_BINARY_DIR}/sluice-config-version.cmake
  DESTINATION ${package_dir})
