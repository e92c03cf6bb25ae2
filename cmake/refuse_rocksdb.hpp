// Force-included into every file of the library `levelscan`: RocksDB's headers stand in the system's include
// folder, so only this keeps them out. Whatever includes one fails to compile. host/peer/ is free of it.
#pragma once

#pragma GCC poison ROCKSDB_NAMESPACE ROCKSDB_LIBRARY_API
