delete from auth_brands
