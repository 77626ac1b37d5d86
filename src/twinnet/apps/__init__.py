"""7 What people do with it: one file and one public function per job."""
