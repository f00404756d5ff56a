# make install: libraries, headers and the package `find_package(sluice)`. Consumers need nothing but libsluice.so: no
# public header includes a header of another library.
include(CMakePackageConfigHelpers)

foreach(folder IN LISTS SLUICE_FOLDERS)
  list(APPEND targets sluice_${folder})
  install(DIRECTORY ${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sluice/${folder} FILES_MATCHING PATTERN "*.h")
endforeach()
install(FILES mbp/sluice.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sluice)
install(TARGETS libsluice ${targets} EXPORT sluice-targets)
if(SLUICE_HAVE_CUDA)
  install(TARGETS sluice_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION ${package_dir})
file(CONFIGURE OUTPUT sluice-config.cmake @ONLY CONTENT [[
include("${CMAKE_CURRENT_LIST_DIR}/sluice-targets.cmake")
]])
write_basic_package_version_file(sluice-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sluice-config.cmake ${PROJECT_BINARY_DIR}/sluice-config-version.cmake
  DESTINATION ${package_dir})
