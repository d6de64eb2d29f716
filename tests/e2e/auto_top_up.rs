//! A wallet that fills itself up: `/api/v1/wallet/auto-topup`, `/api/v1/wallet/auto-topup/approve`
//! and `/admin/api/users/{user_id}/auto-topup`.

mod approval;
mod crash;
mod crowd;
mod failures;
mod rig;
mod settings;
