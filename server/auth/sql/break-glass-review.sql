-- Once: no row where it was reviewed before.
update auth_break_glass set reviewed_at = to_timestamp($2), reviewed_by = $3, outcome = $4
where grant_id = $1 and reviewed_at is null
returning patient
