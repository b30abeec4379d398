local by, expired = claimed_by(CLAIMS, take())
return { by, expired }
