"""The commands of `keras-seq`: one file each, but for those that steer."""
