use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The first processor this thread may use.
pub fn first() -> Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let core = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core));
    core.context("no processor may be used")
}

/// The last processor this thread may use.
pub fn last() -> Result<usize> {
    let allowed = sched_getaffinity(None)?;
    let core = (0..CpuSet::MAX_CPU).rfind(|core| allowed.is_set(*core));
    core.context("no processor may be used")
}

/// Puts this thread, and all that it starts from now on, on one processor.
pub fn pin(core: usize) -> Result<()> {
    let mut one = CpuSet::new();
    one.set(core);
    Ok(sched_setaffinity(None, &one)?)
}

/// Lets this thread, and all that it starts from now on, use these processors.
pub fn spread(cores: &[usize]) -> Result<()> {
    let mut all = CpuSet::new();
    cores.iter().for_each(|core| all.set(*core));
    Ok(sched_setaffinity(None, &all)?)
}
