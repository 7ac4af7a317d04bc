# What is installed where: the libraries, their CMake package and pkg-config files; the command, its
# manual pages, its completions, its systemd units and an example of a config file.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS hallway EXPORT hallway FILE_SET HEADERS)
install(TARGETS hallway_c EXPORT hallway_c FILE_SET HEADERS)
if(TARGET hallway_nats)
  install(TARGETS hallway_nats EXPORT hallway_link FILE_SET HEADERS)
endif()

# --- find_package(hallway) ------------------------------------------------------------------------

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hallway)
install(EXPORT hallway NAMESPACE hallway:: FILE hallwayTargets.cmake DESTINATION ${package_dir})
# A component of its own: a program in C++ does not need it.
install(EXPORT hallway_c
  NAMESPACE hallway:: FILE hallwayCTargets.cmake DESTINATION ${package_dir})
# The same: who does not ask for it needs no libnats.
if(TARGET hallway_nats)
  install(EXPORT hallway_link
    NAMESPACE hallway:: FILE hallwayLinkTargets.cmake DESTINATION ${package_dir})
endif()
configure_package_config_file(cmake/hallwayConfig.cmake.in hallwayConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 only the same minor version is compatible.
write_basic_package_version_file(hallwayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/hallwayConfig.cmake ${PROJECT_BINARY_DIR}/hallwayConfigVersion.cmake
  DESTINATION ${package_dir})

# --- pkg-config hallway ---------------------------------------------------------------------------

# The prefix is found from where the file lies, so that an installed tree may be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE prefix_from_pc)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR
  BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE libdir_from_prefix)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR
  BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE includedir_from_prefix)
configure_file(cmake/hallway.pc.in hallway.pc.in @ONLY)
# Second pass: the definitions come from the target itself.
file(GENERATE OUTPUT hallway.pc INPUT ${PROJECT_BINARY_DIR}/hallway.pc.in TARGET hallway)
configure_file(cmake/hallway-c.pc.in hallway-c.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/hallway.pc ${PROJECT_BINARY_DIR}/hallway-c.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET hallway_nats)
  configure_file(cmake/hallway-link.pc.in hallway-link.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/hallway-link.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()

# --- the command ----------------------------------------------------------------------------------

if(TARGET hallway_tool)
  install(TARGETS hallway_tool)
  file(GLOB pages CONFIGURE_DEPENDS man/*.1)
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  # Each shell looks in a folder of its own and for a name of its own.
  set(completions ${PROJECT_SOURCE_DIR}/packaging/completions)
  install(FILES ${completions}/hallway.bash RENAME hallway OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
  install(FILES ${completions}/_hallway OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
  install(FILES ${completions}/hallway.fish OPTIONAL
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

  install(FILES ${PROJECT_SOURCE_DIR}/packaging/hub.toml DESTINATION ${CMAKE_INSTALL_DOCDIR})

  # All services are hardened alike. systemd reads lib/, whatever the architecture's own folder is.
  set(units ${PROJECT_SOURCE_DIR}/packaging/systemd)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${units}/hardening.conf)
  file(READ ${units}/hardening.conf HALLWAY_HARDENING)
  set(HALLWAY_BINDIR ${CMAKE_INSTALL_FULL_BINDIR})
  set(HALLWAY_EXAMPLE_DIR ${CMAKE_INSTALL_FULL_DOCDIR})
  foreach(unit IN ITEMS hallway@.service hallway-activated@.service hallway-hub.service
               hallway-link.service)
    configure_file(${units}/${unit}.in systemd/${unit} @ONLY)
  endforeach()
  foreach(unit IN ITEMS hallway-activated@.socket hallway-hub.socket)
    configure_file(${units}/${unit} systemd/${unit} COPYONLY)
  endforeach()
  install(DIRECTORY ${PROJECT_BINARY_DIR}/systemd/ DESTINATION lib/systemd/system)
endif()
