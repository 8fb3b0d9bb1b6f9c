# aureole::images: PNG, JPEG, TIFF and zlib, for the converters.
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
find_package(TIFF REQUIRED)
find_package(ZLIB REQUIRED)
add_library(aureole_images INTERFACE)
add_library(aureole::images ALIAS aureole_images)
target_link_libraries(aureole_images INTERFACE PNG::PNG JPEG::JPEG TIFF::TIFF ZLIB::ZLIB)
