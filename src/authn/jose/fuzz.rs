//! What the fuzz targets and the tests of their corpora share: any bytes go in, and what must hold for them is asserted.
