// A file system for librocksdb that never waits for the disk: tests don't crash the machine, and
// hundreds of small databases would spend most of their time in fsync.
#pragma once

#ifdef LEVELSCAN_WITH_ROCKSDB

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>
#include <string>

namespace levelscan::testing {

class NoSyncFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;
  rocksdb::IOStatus Sync(rocksdb::IOOptions const&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Fsync(rocksdb::IOOptions const&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus RangeSync(uint64_t, uint64_t, rocksdb::IOOptions const&,
                              rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
};

class NoSyncDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  using FSDirectoryWrapper::FSDirectoryWrapper;
  rocksdb::IOStatus Fsync(rocksdb::IOOptions const&, rocksdb::IODebugContext*) override {
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus FsyncWithDirOptions(rocksdb::IOOptions const&, rocksdb::IODebugContext*,
                                        rocksdb::DirFsyncOptions const&) override {
    return rocksdb::IOStatus::OK();
  }
};

class NoSyncFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  char const* Name() const override { return "NoSyncFileSystem"; }

  rocksdb::IOStatus NewWritableFile(std::string const& path, rocksdb::FileOptions const& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus const status = target()->NewWritableFile(path, options, file, debug);
    if (status.ok()) *file = std::make_unique<NoSyncFile>(std::move(*file));
    return status;
  }
  rocksdb::IOStatus NewDirectory(std::string const& path, rocksdb::IOOptions const& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus const status = target()->NewDirectory(path, options, directory, debug);
    if (status.ok()) *directory = std::make_unique<NoSyncDirectory>(std::move(*directory));
    return status;
  }
};

// Lives as long as the process, as librocksdb wants it.
inline rocksdb::Env* no_sync_env() {
  static std::unique_ptr<rocksdb::Env> const env =
      rocksdb::NewCompositeEnv(std::make_shared<NoSyncFileSystem>(rocksdb::FileSystem::Default()));
  return env.get();
}

}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
